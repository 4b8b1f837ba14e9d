//! A ring as a binary STL, closed and oriented, with about as many facets as wanted.

use std::f64::consts::TAU;

const HEADER: usize = 84;
const FACET: usize = 50;

/// A torus of at least `facets` facets (rounded up to a whole grid), 18 mm inside. Each `variant` is another file
/// with another volume.
pub fn torus(facets: u32, variant: u32) -> Vec<u8> {
    let across = (facets / 8).isqrt().max(3);
    let around = facets.div_ceil(2 * across).max(3);
    let tube = 1.5 + f64::from(variant) * 1e-5;
    let rings: Vec<Vec<[f32; 3]>> = (0..around)
        .map(|step| ring(f64::from(step) / f64::from(around) * TAU, across, tube))
        .collect();
    let count = 2 * around * across;
    let mut file = Vec::with_capacity(HEADER + FACET * count as usize);
    file.extend_from_slice(&[0; 80]);
    file.extend_from_slice(&count.to_le_bytes());
    for (ring, next) in rings.iter().zip(rings.iter().cycle().skip(1)) {
        for (corner, after) in (0..ring.len()).zip((0..ring.len()).cycle().skip(1)) {
            let [a, b, c, d] = [ring[corner], next[corner], next[after], ring[after]];
            push(&mut file, [a, b, c]);
            push(&mut file, [a, c, d]);
        }
    }
    file
}

#[expect(clippy::cast_possible_truncation, reason = "a binary STL has single precision")]
fn ring(angle: f64, across: u32, tube: f64) -> Vec<[f32; 3]> {
    let corner = |step: u32| {
        let turn = f64::from(step) / f64::from(across) * TAU;
        let radius = 10.5 + tube * turn.cos();
        [radius * angle.cos(), radius * angle.sin(), tube * turn.sin()].map(|number| number as f32)
    };
    (0..across).map(corner).collect()
}

fn push(file: &mut Vec<u8>, corners: [[f32; 3]; 3]) {
    // Readers go by the order of the corners; the normal may be left out.
    file.extend_from_slice(&[0; 12]);
    for number in corners.as_flattened() {
        file.extend_from_slice(&number.to_le_bytes());
    }
    file.extend_from_slice(&[0; 2]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_as_many_facets_as_wanted_and_each_variant_is_another_file() {
        for wanted in [100, 5_000, 199_000] {
            let file = torus(wanted, 0);
            let facets = (file.len() - HEADER) / FACET;
            let wanted = wanted as usize;
            assert!((wanted..wanted + wanted / 10 + 20).contains(&facets), "{wanted}: {facets}");
            assert_eq!(file[80..84], u32::try_from(facets).unwrap().to_le_bytes());
        }
        assert_ne!(torus(100, 1), torus(100, 2));
    }
}
