//! Records as text: numbers parted by white space.

use super::{Cursor, Fan, Header, IndexedFacets, Role, corner, roles};
use crate::mesh::{ModelError, Place};

pub(super) fn read(bytes: &[u8], header: &Header) -> Result<IndexedFacets, ModelError> {
    let mut text = Cursor::new(bytes);
    text.skip(header.length);
    let mut mesh = IndexedFacets::default();
    for element in &header.elements {
        let roles = roles(element);
        if roles.is_empty() {
            continue;
        }
        let is_vertex = element.name == "vertex";
        for _ in 0..element.count {
            let mut position = [0.0; 3];
            for (role, property) in roles.iter().zip(&element.properties) {
                text.skip_space();
                if let Role::Coordinate(axis) = *role {
                    position[axis] = text.number("a coordinate")?;
                } else if property.list.is_some() {
                    list(&mut text, *role, &mut mesh)?;
                } else {
                    skip_number(&mut text)?;
                }
            }
            if is_vertex {
                mesh.position(position);
            }
        }
    }
    Ok(mesh)
}

fn list(text: &mut Cursor<'_>, role: Role, mesh: &mut IndexedFacets) -> Result<(), ModelError> {
    let length = text.whole("the length of a list")?;
    let mut polygon = Fan::default();
    for _ in 0..length {
        text.skip_space();
        if role == Role::Corners {
            let named = text.whole("the number of a vertex")?;
            let named = i64::try_from(named).unwrap_or(i64::MAX);
            corner(mesh, &mut polygon, named, || Place::Line(text.line()))?;
        } else {
            skip_number(text)?;
        }
    }
    if role == Role::Corners {
        mesh.polygon(&polygon);
    }
    Ok(())
}

fn skip_number(text: &mut Cursor<'_>) -> Result<(), ModelError> {
    match text.word() {
        b"" => Err(text.unexpected(b"", "a number")),
        _ => Ok(()),
    }
}
