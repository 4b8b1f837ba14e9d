//! Where the bytes of a model come from.

use super::ModelError;

/// A model file that can be read from any place, by several threads at once.
///
/// The crate does no input and output. Who has the file in memory gives the bytes; who has it on
/// disk implements this for it, and the file need never be in memory as a whole: a binary STL is
/// read in pieces of less than a megabyte. See `examples/measure.rs` for one on files.
pub trait Source: Sync {
    /// What can go wrong: the file is no model, or (for a file on disk) cannot be read.
    type Error: From<ModelError> + Send;

    /// Length in bytes. Must not change while the file is read.
    fn size(&self) -> u64;

    /// The `len` bytes from `offset` on, all of which lie within [`Source::size`]. They may be
    /// put into `room`, whose content means nothing, or lie somewhere already.
    fn bytes<'a>(
        &'a self,
        offset: u64,
        len: usize,
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Self::Error>;
}

impl Source for [u8] {
    type Error = ModelError;

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn bytes<'a>(
        &'a self,
        offset: u64,
        len: usize,
        _: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ModelError> {
        let from = usize::try_from(offset).map_err(|_| ModelError::TooManyFacets)?;
        Ok(&self[from..from + len])
    }
}
