//! Whatever reads is analysed, whatever it is.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use pricing::analysis::{Unit, analyse};
use pricing::mesh::read;

/// The analysis of a damaged model may take the square of its size in time.
const MOST: usize = 2_000;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(mesh) = read(bytes) else { return Corpus::Reject };
    if mesh.facets().len() > MOST {
        return Corpus::Reject;
    }
    let analysis = analyse(&mesh, mesh.unit().unwrap_or(Unit::Millimetre));
    let _ = analysis.standing();
    assert_eq!(analysis.facets, mesh.facets().len() as u64);
    Corpus::Keep
});
