//! Object file format of Geomview, as text.
//!
//! ```text
//! OFF                    COFF, NOFF, STOFF …: vertices carry more than a position
//! 8 6 12                 vertices, faces, edges (not needed); may stand behind the word OFF
//! x y z …                a line a vertex; what follows the position is not read
//! n i j k …              a line a face: number of corners, corners from 0, perhaps a colour
//! ```
//! `#` begins a comment. No unit.

use super::cursor::Cursor;
use super::indexed::{Fan, IndexedFacets};
use super::sniff::off_letters;
use super::{Format, Mesh, ModelError, Place};

/// The shortest lines: `0 0 0` and `0`, with their ends.
const LEAST_VERTEX: u64 = 6;
const LEAST_FACE: u64 = 2;
const LEAST_TRIANGLE: usize = 8;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, ModelError> {
    let mut text = Cursor::new(bytes);
    header(&mut text)?;
    let [vertices, faces] = counts(&mut text)?;
    let mut mesh = IndexedFacets::with_capacity(vertices, faces.min(bytes.len() / LEAST_TRIANGLE));
    for _ in 0..vertices {
        next_line(&mut text);
        let mut position = [0.0; 3];
        for coordinate in &mut position {
            text.skip_blank();
            *coordinate = text.number("a coordinate")?;
        }
        mesh.position(position);
        text.skip_line();
    }
    for _ in 0..faces {
        next_line(&mut text);
        face(&mut text, &mut mesh)?;
        text.skip_line();
    }
    mesh.finish(Format::Off)
}

fn header(text: &mut Cursor<'_>) -> Result<(), ModelError> {
    next_line(text);
    let word = text.word();
    let unsupported = |text: &Cursor<'_>, what: &str| ModelError::Unsupported {
        place: Place::Line(text.line()),
        what: what.to_owned(),
    };
    match off_letters(word) {
        None => return Err(text.unexpected(word, "\"OFF\"")),
        Some(letters) if letters.contains(&b'4') || letters.contains(&b'n') => {
            return Err(unsupported(text, "positions of more than three dimensions are not read"));
        }
        Some(_) => {}
    }
    text.skip_blank();
    if text.rest().starts_with(b"BINARY") {
        return Err(unsupported(text, "binary OFF is not read"));
    }
    Ok(())
}

/// Vertices and faces, both within what the rest of the file can hold.
fn counts(text: &mut Cursor<'_>) -> Result<[usize; 2], ModelError> {
    next_line(text);
    let vertices = count(text, "vertices", LEAST_VERTEX)?;
    let faces = count(text, "faces", LEAST_FACE)?;
    text.skip_line();
    Ok([vertices, faces])
}

fn count(text: &mut Cursor<'_>, what: &'static str, least: u64) -> Result<usize, ModelError> {
    text.skip_blank();
    let announced = text.whole("a count")?;
    let room = text.rest().len() as u64 / least + 1;
    if announced > room {
        let place = Place::Line(text.line());
        return Err(ModelError::Overstated { place, what, announced, room });
    }
    usize::try_from(announced).map_err(|_| ModelError::TooManyFacets)
}

fn face(text: &mut Cursor<'_>, mesh: &mut IndexedFacets) -> Result<(), ModelError> {
    let corners = text.whole("the number of a face's corners")?;
    let mut polygon = Fan::default();
    for _ in 0..corners {
        text.skip_blank();
        let corner = text.whole("the number of a vertex")?;
        match u32::try_from(corner) {
            Ok(corner) if (corner as usize) < mesh.positions() => {
                mesh.corner(&mut polygon, corner);
            }
            _ => {
                let vertices = mesh.positions();
                return Err(text.broken(format!(
                    "vertex {corner} is named (counted from 0), but there are {vertices}"
                )));
            }
        }
    }
    mesh.polygon(&polygon);
    Ok(())
}

/// To the first word of the next line that has one and is no comment.
fn next_line(text: &mut Cursor<'_>) {
    text.skip_space();
    while text.peek() == Some(b'#') {
        text.skip_line();
        text.skip_space();
    }
}
