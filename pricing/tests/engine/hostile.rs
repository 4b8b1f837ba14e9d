//! Bytes from anybody: an answer or a reason, never a panic.

use pricing::analysis::{Unit, analyse};
use pricing::mesh::{FacetCounter, read};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::shapes::{ascii, binary, cube};

fn survives(bytes: &[u8]) {
    if let Ok(mesh) = read(bytes) {
        let model = analyse(&mesh, Unit::Metre);
        let _ = model.verdict();
        let mut counter = FacetCounter::new();
        bytes.chunks(13).for_each(|chunk| counter.push(chunk));
        assert!(counter.finish(bytes.len() as u64).is_some(), "the upload lets in what is read");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..600)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_facets(count in 0_u32..8, body in vec(any::<u8>(), 0..400)) {
        let mut file = vec![b' '; 80];
        file.extend(count.to_le_bytes());
        file.extend(body);
        survives(&file);
    }

    #[test]
    fn arbitrary_words(words in vec(prop_oneof![
        Just("solid"), Just("facet"), Just("normal"), Just("outer"), Just("loop"), Just("vertex"),
        Just("endloop"), Just("endfacet"), Just("endsolid"), Just("1e300"), Just("-0"),
        Just("nan"), Just("3.5"), Just("\n"), Just("ü"),
    ], 0..120)) {
        survives(format!("solid x\n{}", words.join(" ")).as_bytes());
    }

    #[test]
    fn a_good_file_with_bytes_changed(
        text in any::<bool>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let cube = cube([0.0; 3], 3.0);
        let mut file = if text { ascii(&cube, "\n") } else { binary(&cube) };
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        survives(&file);
        file.truncate(keep.index(file.len()));
        survives(&file);
    }
}
