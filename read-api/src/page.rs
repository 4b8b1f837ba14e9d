//! Paging by cursor only: a cursor names the last row seen, so that rows which come or go meanwhile make
//! a page neither skip nor repeat what stays.
//!
//! A cursor is opaque and belongs to one list: its tail is a digest over the list's description, so that a
//! cursor of another filter, or one that was changed, is refused instead of answered wrongly. It is no
//! secret and guards nothing: what a caller may see is decided by the scope, on every page anew.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use shared::ids::OrderId;
use uuid::Uuid;

/// Rows on a page when the caller does not say.
pub const DEFAULT_LIMIT: u16 = 50;
/// Rows on a page at most.
pub const MAX_LIMIT: u16 = 200;

const FORMAT: &[u8] = b"mes list cursor 1";
const DIGEST_BYTES: usize = 8;
const CURSOR_BYTES: usize = 8 + 16 + DIGEST_BYTES;

/// How many rows a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(u16);

/// A number of rows that no page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`limit` is a whole number from 1 to {MAX_LIMIT}")]
pub struct NotALimit;

impl Limit {
    /// As asked for, or the usual one.
    pub fn parse(asked: Option<u16>) -> Result<Self, NotALimit> {
        let rows = asked.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&rows) { Ok(Self(rows)) } else { Err(NotALimit) }
    }

    /// Rows on the page.
    pub const fn rows(self) -> usize {
        self.0 as usize
    }

    /// Rows to ask for: one more tells whether more exists.
    pub const fn rows_and_one(self) -> u64 {
        self.0 as u64 + 1
    }
}

/// The place of a row in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// First by this.
    pub status_since: DateTime<Utc>,
    /// Then by this.
    pub order_id: OrderId,
}

/// Text that is not a cursor of the list it was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`cursor` does not belong to this list: it was changed, or made for another filter or order; begin with the first page"
)]
pub struct NotACursor;

impl Place {
    /// The cursor that continues `list` after this place.
    pub fn to_cursor(self, list: &str) -> String {
        let mut bytes = [0; CURSOR_BYTES];
        bytes[..8].copy_from_slice(&self.status_since.timestamp_micros().to_be_bytes());
        bytes[8..24].copy_from_slice(self.order_id.as_uuid().as_bytes());
        let digest = digest(list, &bytes[..24]);
        bytes[24..].copy_from_slice(&digest);
        hex::encode(bytes)
    }

    /// The place that a cursor of `list` names.
    pub fn from_cursor(cursor: &str, list: &str) -> Result<Self, NotACursor> {
        let mut bytes = [0; CURSOR_BYTES];
        hex::decode_to_slice(cursor, &mut bytes).map_err(|_| NotACursor)?;
        if digest(list, &bytes[..24]) != bytes[24..] {
            return Err(NotACursor);
        }
        let (micros, id) = bytes[..24].split_at(8);
        let micros = i64::from_be_bytes(micros.try_into().map_err(|_| NotACursor)?);
        let id = Uuid::from_slice(id).map_err(|_| NotACursor)?;
        let status_since = DateTime::from_timestamp_micros(micros).ok_or(NotACursor)?;
        Ok(Self { status_since, order_id: OrderId::new(id) })
    }
}

/// The number of a row in a list that is ordered by such a number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub i64);

impl Mark {
    /// The cursor that continues `list` after this row.
    pub fn to_cursor(self, list: &str) -> String {
        let number = self.0.to_be_bytes();
        format!("{}{}", hex::encode(number), hex::encode(digest(list, &number)))
    }

    /// The row that a cursor of `list` names.
    pub fn from_cursor(cursor: &str, list: &str) -> Result<Self, NotACursor> {
        let mut bytes = [0; 8 + DIGEST_BYTES];
        hex::decode_to_slice(cursor, &mut bytes).map_err(|_| NotACursor)?;
        let (number, tail) = bytes.split_at(8);
        let number: [u8; 8] = number.try_into().map_err(|_| NotACursor)?;
        if digest(list, &number) == tail {
            Ok(Self(i64::from_be_bytes(number)))
        } else {
            Err(NotACursor)
        }
    }
}

fn digest(list: &str, place: &[u8]) -> [u8; DIGEST_BYTES] {
    let whole =
        Sha256::new().chain_update(FORMAT).chain_update(list).chain_update(place).finalize();
    let mut start = [0; DIGEST_BYTES];
    start.copy_from_slice(&whole[..DIGEST_BYTES]);
    start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places() -> impl Strategy<Value = Place> {
        (0..4_000_000_000_000_000_i64, any::<u128>()).prop_map(|(micros, id)| Place {
            status_since: DateTime::from_timestamp_micros(micros).unwrap(),
            order_id: OrderId::new(Uuid::from_u128(id)),
        })
    }

    proptest! {
        #[test]
        fn a_cursor_names_the_place_it_was_made_of(place in places(), list in "[a-z:]{0,20}") {
            prop_assert_eq!(Place::from_cursor(&place.to_cursor(&list), &list), Ok(place));
        }

        #[test]
        fn a_changed_cursor_is_refused(place in places(), at in 0..64_usize) {
            let mut cursor = place.to_cursor("list").into_bytes();
            cursor[at] = if cursor[at] == b'0' { b'1' } else { b'0' };
            let cursor = String::from_utf8(cursor).unwrap();
            prop_assert_eq!(Place::from_cursor(&cursor, "list"), Err(NotACursor));
        }

        #[test]
        fn any_text_is_refused_without_harm(text in ".{0,100}") {
            prop_assert_eq!(Place::from_cursor(&text, "list"), Err(NotACursor));
        }
    }

    #[test]
    fn a_mark_belongs_to_its_list() {
        let cursor = Mark(-4711).to_cursor("one");
        assert_eq!(Mark::from_cursor(&cursor, "one"), Ok(Mark(-4711)));
        assert_eq!(Mark::from_cursor(&cursor, "other"), Err(NotACursor));
        assert_eq!(Mark::from_cursor("zz", "one"), Err(NotACursor));
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let place =
            Place { status_since: DateTime::UNIX_EPOCH, order_id: OrderId::new(Uuid::nil()) };
        assert_eq!(Place::from_cursor(&place.to_cursor("one"), "other"), Err(NotACursor));
    }

    #[test]
    fn a_page_has_1_to_200_rows() {
        assert_eq!(Limit::parse(None).map(Limit::rows), Ok(50));
        assert_eq!(Limit::parse(Some(1)).map(Limit::rows_and_one), Ok(2));
        assert_eq!(Limit::parse(Some(200)).map(Limit::rows), Ok(200));
        assert_eq!(Limit::parse(Some(0)), Err(NotALimit));
        assert_eq!(Limit::parse(Some(201)), Err(NotALimit));
    }
}
