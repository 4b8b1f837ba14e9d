//! Vertices and triangles as nearly every program writes them, read without a parser.
//!
//! `<vertex x="…" y="…" z="…"/>` and `<triangle v1="…" v2="…" v3="…"/>`, with or without a blank before the
//! slash. Whatever is written in another way, or wrong, is left to [`super::xml`] and
//! [`super::part`], element by element: they say the same of an element that is read here.

use super::Memory;
use crate::mesh::{Place, decimal};

/// Reads as many vertices as there are; how many bytes they have.
pub(super) fn vertices(text: &[u8], vertices: &mut Vec<[f64; 3]>, memory: &mut Memory) -> usize {
    elements(text, vertex, |position| {
        let room = memory.take(Memory::VERTEX, || Place::File).is_ok();
        if room {
            vertices.push(position);
        }
        room
    })
}

/// Reads as many triangles as there are; how many bytes they have.
pub(super) fn triangles(text: &[u8], triangles: &mut Vec<[u32; 3]>, memory: &mut Memory) -> usize {
    elements(text, triangle, |corners| {
        let room = memory.take(Memory::TRIANGLE, || Place::File).is_ok();
        if room {
            triangles.push(corners);
        }
        room
    })
}

/// What one element says, and the text behind it.
type Read<'text, T> = Option<(T, &'text [u8])>;

#[inline]
fn elements<T>(
    text: &[u8],
    read: impl Fn(&[u8]) -> Read<'_, T>,
    mut keep: impl FnMut(T) -> bool,
) -> usize {
    let mut rest = text.trim_ascii_start();
    while let Some((element, behind)) = read(rest) {
        if !keep(element) {
            break;
        }
        rest = behind.trim_ascii_start();
    }
    text.len() - rest.len()
}

#[inline]
fn vertex(text: &[u8]) -> Read<'_, [f64; 3]> {
    let (x, text) = coordinate(text.strip_prefix(b"<vertex x=\"")?)?;
    let (y, text) = coordinate(text.strip_prefix(b"\" y=\"")?)?;
    let (z, text) = coordinate(text.strip_prefix(b"\" z=\"")?)?;
    Some(([x, y, z], end(text)?))
}

#[inline]
fn triangle(text: &[u8]) -> Read<'_, [u32; 3]> {
    let (a, text) = number(text.strip_prefix(b"<triangle v1=\"")?)?;
    let (b, text) = number(text.strip_prefix(b"\" v2=\"")?)?;
    let (c, text) = number(text.strip_prefix(b"\" v3=\"")?)?;
    Some(([a, b, c], end(text)?))
}

/// Numbers that are read quickly are finite.
#[inline]
fn coordinate(text: &[u8]) -> Read<'_, f64> {
    let (number, length) = decimal::quick_f64(text)?;
    Some((number, &text[length..]))
}

/// At most nine digits.
#[inline]
fn number(text: &[u8]) -> Read<'_, u32> {
    let (mut number, mut digits) = (0_u32, 0);
    for byte in text.iter().take(10) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // Wraps only beyond the digits that are accepted.
        number = 10_u32.wrapping_mul(number).wrapping_add(u32::from(digit));
        digits += 1;
    }
    (1..10).contains(&digits).then(|| (number, &text[digits..]))
}

#[inline]
fn end(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"\"")?;
    text.strip_prefix(b"/>").or_else(|| text.strip_prefix(b" />"))
}
