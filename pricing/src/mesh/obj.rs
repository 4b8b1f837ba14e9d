//! Wavefront OBJ.
//!
//! ```text
//! # comment
//! v x y z          a position; what follows the three numbers (weight, colour) is not read
//! f 1 2/3 4//5 …   a polygon of positions, counted from 1, or back from the last one with -1, -2
//! ```
//! Every other statement (texture, normals, groups, materials) says nothing about the volume and
//! is passed over, except free-form surfaces, which are refused. A backslash at the end of a line
//! of `v` or `f` joins the next one. No unit.

use super::cursor::{Cursor, is_space};
use super::indexed::{Fan, IndexedFacets};
use super::{Format, Mesh, ModelError, Place};

/// Bytes that a facet of a usual file takes, with its half of a vertex; for the first allocation.
const USUAL_FACET: usize = 38;
/// What a message calls a number of a position.
const COORDINATE: &str = "a coordinate";

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let mut text = Cursor::new(bytes);
    let usual = bytes.len() / USUAL_FACET;
    let mut mesh = IndexedFacets::with_capacity(usual / 2, usual);
    loop {
        text.skip_space();
        match text.rest() {
            [] => break,
            [b'v', next, ..] if is_space(*next) => mesh.position(position(&mut text)?),
            [b'f', next, ..] if is_space(*next) => face(&mut text, &mut mesh)?,
            [b's', b'u', ..] => refuse_free_form(&mut text)?,
            _ => {}
        }
        text.skip_line();
    }
    mesh.finish(Format::Obj)
}

fn position(text: &mut Cursor<'_>) -> Result<[f32; 3], ModelError> {
    text.skip(1);
    let mut position = [0.0; 3];
    for coordinate in &mut position {
        text.skip_blank();
        *coordinate = text.number(COORDINATE)?;
    }
    Ok(position)
}

fn face(text: &mut Cursor<'_>, mesh: &mut IndexedFacets) -> Result<(), ModelError> {
    text.skip(1);
    let mut polygon = Fan::default();
    loop {
        text.skip_blank();
        if text.peek().is_none_or(is_space) {
            break;
        }
        let corner = corner(text, mesh.positions())?;
        mesh.corner(&mut polygon, corner);
    }
    mesh.polygon(&polygon);
    Ok(())
}

/// The position a corner names, counted from 0. Texture and normal behind a `/` are not read.
#[inline]
fn corner(text: &mut Cursor<'_>, positions: usize) -> Result<u32, ModelError> {
    let (back, mut index, mut length) = (text.peek() == Some(b'-'), 0_u64, 0);
    for byte in &text.rest()[usize::from(back)..] {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        index = index.saturating_mul(10).saturating_add(u64::from(digit));
        length += 1;
    }
    let word = text.word();
    let end = word.get(length + usize::from(back));
    let index = match index {
        0 => None,
        index if back => (positions as u64).checked_sub(index),
        index => Some(index - 1),
    };
    index
        .and_then(|index| u32::try_from(index).ok())
        .filter(|_| length > 0 && end.is_none_or(|byte| *byte == b'/'))
        .ok_or_else(|| text.unexpected(word, "a corner: the number of a position"))
}

fn refuse_free_form(text: &mut Cursor<'_>) -> Result<(), ModelError> {
    if text.word() != b"surf" {
        return Ok(());
    }
    let place = Place::Line(text.line());
    Err(ModelError::Unsupported { place, what: "free-form surfaces are not read".to_owned() })
}
