//! Real models for orders: the demonstration's files, cast in ring sizes, and the damage that customers bring.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The rings of the demonstration have this size (inside diameter in millimetres).
const DRAWN_SIZE: f32 = 18.0;
/// The smallest size on sale, in half millimetres.
const SMALLEST: u8 = 30;
/// How many sizes there are, each half a millimetre more. Few, because every size of every model is a file in the
/// object store for ever.
pub const SIZES: u8 = 15;

const HEADER: usize = 80;
const COUNT: usize = 4;
const FACET: usize = 50;
const NORMAL: usize = 12;
const CORNERS: usize = 36;

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    /// Nothing.
    None,
    /// A facet is missing: the file can be read and the piece has no volume.
    Hole,
    /// The file ends in the middle.
    Truncated,
}

/// A file that a customer picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Which model; counted around when there are fewer.
    pub model: u8,
    /// Which size, from 0 to below [`SIZES`].
    pub size: u8,
    /// What is wrong with it.
    pub damage: Damage,
}

/// Models in memory.
#[derive(Debug)]
pub struct Models(Vec<Vec<u8>>);

impl Models {
    /// All `*.stl` of a folder, in the order of their names.
    pub fn load(folder: &Path) -> Result<Self> {
        let entries = fs::read_dir(folder)
            .with_context(|| format!("cannot look for models in {}", folder.display()))?;
        let mut paths: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "stl"))
            .collect();
        paths.sort();
        let read = |path: &std::path::PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let models = paths.iter().map(read).collect::<Result<Vec<_>>>()?;
        ensure!(
            models.iter().any(|model| is_binary(model)),
            "no binary STL model in {}",
            folder.display()
        );
        Ok(Self(models))
    }

    /// The bytes of a file. Damage is done to binary models only, so that a damaged choice of an ASCII one takes
    /// the next binary one.
    pub fn file(&self, choice: Choice) -> Vec<u8> {
        let damaged = choice.damage != Damage::None;
        let chosen = self.0.iter().cycle().skip(usize::from(choice.model) % self.0.len());
        let model = chosen.take(self.0.len()).find(|model| !damaged || is_binary(model));
        let size = DRAWN_SIZE.recip() * 0.5 * f32::from(SMALLEST + choice.size % SIZES);
        let file = resized(model.map(Vec::as_slice).unwrap_or_default(), size);
        match choice.damage {
            Damage::None => file,
            Damage::Hole => with_hole(file),
            Damage::Truncated => file[..file.len() / 2].to_vec(),
        }
    }
}

/// The count of facets says exactly how long a binary STL is.
fn is_binary(file: &[u8]) -> bool {
    facets(file).is_some_and(|count| file.len() == HEADER + COUNT + count * FACET)
}

fn facets(file: &[u8]) -> Option<usize> {
    let count = file.get(HEADER..HEADER + COUNT)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(count)).ok()
}

/// Another size of a binary model; an ASCII one comes in one size.
fn resized(file: &[u8], factor: f32) -> Vec<u8> {
    let mut file = file.to_vec();
    if is_binary(&file) {
        for facet in file[HEADER + COUNT..].chunks_exact_mut(FACET) {
            for number in facet[NORMAL..NORMAL + CORNERS].chunks_exact_mut(4) {
                let drawn = f32::from_le_bytes([number[0], number[1], number[2], number[3]]);
                number.copy_from_slice(&(drawn * factor).to_le_bytes());
            }
        }
    }
    file
}

/// Without the last facet.
fn with_hole(mut file: Vec<u8>) -> Vec<u8> {
    let left = facets(&file).unwrap_or_default().saturating_sub(1);
    file.truncate(HEADER + COUNT + left * FACET);
    let count = u32::try_from(left).unwrap_or_default();
    file[HEADER..HEADER + COUNT].copy_from_slice(&count.to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Models {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing/models");
        Models::load(&folder).unwrap()
    }

    fn choice(model: u8, size: u8, damage: Damage) -> Choice {
        Choice { model, size, damage }
    }

    /// Half a millimetre from 15 mm: this one is 18 mm.
    const AS_DRAWN: u8 = 6;

    #[test]
    fn every_model_exists_in_every_size_and_sizes_differ() {
        let models = models();
        for model in 0..6 {
            let drawn = models.file(choice(model, AS_DRAWN, Damage::None));
            assert_eq!(drawn, models.0[usize::from(model)]);
            let small = models.file(choice(model, 0, Damage::None));
            assert_eq!(small.len(), drawn.len());
            assert_eq!(small != drawn, is_binary(&drawn), "only binary models are resized");
        }
    }

    #[test]
    fn a_model_with_a_hole_still_is_a_whole_file() {
        let models = models();
        for model in 0..6 {
            let sound = models.file(choice(model, 0, Damage::Hole));
            assert!(is_binary(&sound));
        }
    }

    #[test]
    fn a_truncated_model_is_not_a_whole_file() {
        assert!(!is_binary(&models().file(choice(0, 0, Damage::Truncated))));
    }
}
