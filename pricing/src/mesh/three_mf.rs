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
//! | many small elements that take more memory than bytes | [`Memory`] |

mod archive;
mod inflate;
mod part;
mod placing;
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
}

impl Memory {
    const FLOOR: u64 = 24 << 20;
    const TIMES: u64 = 16;

    fn for_file(bytes: usize) -> Self {
        let limit = Self::FLOOR + Self::TIMES * bytes as u64;
        Self { left: limit, limit }
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
}
