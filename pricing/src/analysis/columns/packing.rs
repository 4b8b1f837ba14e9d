//! Crossings of columns and facets, 64 bits each: column, height as an ordered number, direction.
//! Sorted as numbers they are in the order in which they are met on the way up each column.

use super::Filled;

#[expect(clippy::cast_possible_truncation, reason = "heights came from f32")]
pub(super) fn packed(column: usize, height: f64, downward: bool) -> u64 {
    let bits = (height as f32 + 0.0).to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    (column as u64) << 33 | u64::from(ordered) << 1 | u64::from(downward)
}

pub(super) fn column_of(crossing: u64) -> usize {
    (crossing >> 33) as usize
}

/// Crossings ordered by column, and within a column in no order.
pub(super) fn by_column(crossings: &[u64], columns: usize) -> Vec<u64> {
    let mut next = vec![0_u32; columns + 1];
    for crossing in crossings {
        next[column_of(*crossing) + 1] += 1;
    }
    let mut before = 0;
    for place in &mut next {
        before += *place;
        *place = before;
    }
    let mut ordered = vec![0; crossings.len()];
    for crossing in crossings {
        let place = &mut next[column_of(*crossing)];
        ordered[*place as usize] = *crossing;
        *place += 1;
    }
    ordered
}

#[expect(clippy::cast_possible_truncation, reason = "the lower 32 of 33 bits")]
fn height_of(crossing: u64) -> f32 {
    let ordered = (crossing >> 1) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

/// The integral of `w − [filled]` along a column; `None` when the surface is torn there.
#[expect(clippy::cast_possible_truncation, reason = "lengths of f32 precision are kept")]
pub(super) fn follow(column: &[u64], filled: Filled) -> Option<f32> {
    let (mut winding, mut excess, mut below) = (0_i32, 0.0_f64, 0.0_f64);
    for crossing in column {
        let here = f64::from(height_of(*crossing));
        let is_filled = match filled {
            Filled::Positive => winding > 0,
            Filled::NotZero => winding != 0,
        };
        let over = f64::from(winding - i32::from(is_filled));
        if over != 0.0 {
            excess += over * (here - below);
        }
        // Going up, one enters through facets that face down.
        winding += if crossing & 1 == 1 { 1 } else { -1 };
        below = here;
    }
    (winding == 0).then_some(excess as f32)
}
