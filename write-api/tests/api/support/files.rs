//! Model files: real ones, and small ones that are made here.

use std::fmt::Write as _;
use std::path::Path;

/// A file of the pricing crate: `models/chain.stl`, `tests/models/teapot.stl`.
pub fn pricing_file(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A binary STL with so many facets, whose bytes depend on `seed`.
pub fn binary_stl(facets: u32, seed: u32) -> Vec<u8> {
    let mut file = vec![0; 80];
    file[..4].copy_from_slice(&seed.to_be_bytes());
    file.extend(facets.to_le_bytes());
    for number in 0..facets {
        let mut facet = [0; 50];
        facet[12..16].copy_from_slice(&number.to_le_bytes());
        file.extend(facet);
    }
    file
}

/// An ASCII STL with so many facets.
pub fn ascii_stl(facets: u32) -> Vec<u8> {
    let mut text = "solid made here\n".to_owned();
    for number in 0..facets {
        let corners = format!("vertex {number} 0 0 vertex 1 0 0 vertex 0 1 0");
        writeln!(text, "facet normal 0 0 1 outer loop {corners} endloop endfacet")
            .expect("a string takes everything");
    }
    text.push_str("endsolid made here\n");
    text.into_bytes()
}
