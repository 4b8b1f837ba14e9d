//! GLB: the JSON at the start says it all.

use super::Found;
use crate::analysis::Unit;
use crate::mesh::ModelError;
use crate::mesh::glb::{JSON_START, json_length, outline};

/// See [the module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct GlbBytes {
    /// The file up to the end of its JSON.
    begun: Vec<u8>,
}

impl GlbBytes {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        if self.begun.len() < JSON_START {
            rest = self.gather(rest, JSON_START);
        }
        if self.begun.len() >= JSON_START
            && let Ok(length) = json_length(&self.begun)
        {
            self.gather(rest, JSON_START + length);
        }
    }

    pub(super) fn end(&self, total_len: u64) -> Result<Found, ModelError> {
        let length = json_length(&self.begun)?;
        let actual = total_len;
        let json = self.begun.get(JSON_START..JSON_START + length);
        let json = json.ok_or(ModelError::CutOff { actual, wanted: "the rest of the JSON" })?;
        let (facets, extents) = outline(json)?;
        // A facet takes a byte at the very least, unless a mesh is placed many times.
        let facets = facets.min(total_len.saturating_mul(100));
        Ok(Found { facets, counted: true, unit: Some(Unit::Metre), extents })
    }

    fn gather<'chunk>(&mut self, chunk: &'chunk [u8], up_to: usize) -> &'chunk [u8] {
        let missing = up_to.saturating_sub(self.begun.len());
        let (taken, rest) = chunk.split_at(chunk.len().min(missing));
        self.begun.extend_from_slice(taken);
        rest
    }
}
