//! 3D Manufacturing Format: XML in a ZIP archive (core specification 1.3, ISO/IEC 25422).
//!
//! `_rels/.rels` names the part with the model. A model holds objects, each a mesh or a list of
//! other objects with a transform, and the build: which of them are made, and where. Objects may
//! stand in other parts of the package (production extension). The unit stands in the file.
//!
//! What a hostile file could do and what stops it:
//!
//! | trick | stopped by |
//! |---|---|
//! | a bomb | [`inflate`]: limits on bytes really inflated, for an entry, in all, and in proportion |
//! | names that lead out of the archive | [`archive`]: no such archive is opened |
//! | entities | [`part`]: no document type |
//! | a chain of doublings, a cycle | [`placing`]: everything is counted before anything is placed |
//! | many small elements that take more memory than bytes, or time and no memory | [`Memory`] |
//! | many comments | [`xml`] |

mod archive;
mod inflate;
mod part;
mod placing;
mod quick;
mod relations;
mod xml;

use std::collections::BTreeMap;

use super::{Mesh, ModelError, Place};

use self::archive::Archive;
use self::part::Part;

/// Parts of one package: the main one has the build.
struct Package {
    main: String,
    parts: BTreeMap<String, Part>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let archive = Archive::open(bytes)?;
    let mut inflated = inflate::Allowance::default();
    let mut memory = Memory::for_file(bytes.len());
    let main = relations::model_part(&archive, &mut inflated)?;

    let mut parts = BTreeMap::new();
    let mut wanted = vec![main.clone()];
    // Ends, because every part is read once and an archive has few entries.
    while let Some(name) = wanted.pop() {
        if parts.contains_key(&name) {
            continue;
        }
        let entry = archive.find(&name).ok_or_else(|| missing(&name))?;
        let part = part::read(archive.inflate(entry, &mut inflated)?, &mut memory)?;
        inflated.spent(part.bytes);
        wanted.extend(part.other_parts());
        parts.insert(name, part);
    }
    placing::place(&Package { main, parts })
}

fn missing(name: &str) -> ModelError {
    let what = format!("the package names a part \"{name}\", which it does not have");
    ModelError::Broken { place: Place::File, what }
}

/// Memory that what was read may take.
///
/// Files of real models take two to five times their own size; a file of nothing but empty
/// elements could take its size a hundred times.
struct Memory {
    left: u64,
    limit: u64,
    /// Elements that may still be passed over, and of how many.
    ignored_left: u64,
    ignored_limit: u64,
}

impl Memory {
    /// What a vertex and a triangle take.
    const VERTEX: u64 = size_of::<[f64; 3]>() as u64;
    const TRIANGLE: u64 = size_of::<[u32; 3]>() as u64;
    const FLOOR: u64 = 24 << 20;
    const TIMES: u64 = 16;
    /// Materials and places in textures are such elements: some for each triangle, and 8 packed bytes each.
    const IGNORED_FLOOR: u64 = 500_000;
    const BYTES_OF_IGNORED: u64 = 4;

    fn for_file(bytes: usize) -> Self {
        let limit = Self::FLOOR + Self::TIMES * bytes as u64;
        let ignored = Self::IGNORED_FLOOR + bytes as u64 / Self::BYTES_OF_IGNORED;
        Self { left: limit, limit, ignored_left: ignored, ignored_limit: ignored }
    }

    /// Books an element that says nothing about the volume: it takes no memory, but the shortest
    /// ones, packed a hundred to one, would take half a minute to pass over.
    fn ignore(&mut self) -> Result<(), ModelError> {
        match self.ignored_left.checked_sub(1) {
            Some(left) => {
                self.ignored_left = left;
                Ok(())
            }
            None => Err(ModelError::OverLimit {
                place: Place::File,
                what: "elements that say nothing about the volume",
                limit: self.ignored_limit,
            }),
        }
    }

    /// Books so many bytes.
    #[inline]
    fn take(&mut self, bytes: u64, place: impl FnOnce() -> Place) -> Result<(), ModelError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(ModelError::OverLimit {
                place: place(),
                what: "bytes of memory would be needed, which is out of proportion to the file",
                limit: self.limit,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_may_take_memory_in_proportion_to_the_file() {
        let mut memory = Memory::for_file(1000);
        assert_eq!(memory.take(Memory::FLOOR, || Place::File), Ok(()));
        assert_eq!(memory.take(16_000, || Place::File), Ok(()));
        let refused = memory.take(1, || Place::File);
        assert!(matches!(refused, Err(ModelError::OverLimit { .. })), "{refused:?}");
    }

    #[test]
    fn elements_may_be_passed_over_in_proportion_to_the_file() {
        let mut memory = Memory::for_file(4000);
        for _ in 0..Memory::IGNORED_FLOOR + 1000 {
            memory.ignore().unwrap();
        }
        assert!(matches!(memory.ignore(), Err(ModelError::OverLimit { limit: 501_000, .. })));
    }
}
