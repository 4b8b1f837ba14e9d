//! A place in the log: the token that makes "I always see my own change" possible.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::schema::text_schema;

/// A position of the log, within one epoch (one life of the log).
///
/// Written `epoch-position`, for example `1-4711`; the same text is the `MES-Position` header, the
/// `MES-Min-Position` header and the id of a live update. Positions of different epochs do not compare:
/// promotion, restore and rebuild start a new epoch, and a token of another one counts as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    /// Which life of the log.
    pub epoch: u32,
    /// How far in it.
    pub position: u64,
}

text_schema!(Position, pattern = "^[0-9]+-[0-9]+$", example = "1-4711");

/// Text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a position is written `epoch-position`, for example `1-4711`")]
pub struct NotAPosition;

impl Position {
    /// Whether a reader that stands at `self` has seen `wanted`.
    pub fn covers(&self, wanted: &Self) -> bool {
        self.epoch == wanted.epoch && self.position >= wanted.position
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.position)
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, position) = text.split_once('-').ok_or(NotAPosition)?;
        Ok(Self {
            epoch: epoch.parse().map_err(|_| NotAPosition)?,
            position: position.parse().map_err(|_| NotAPosition)?,
        })
    }
}

impl TryFrom<String> for Position {
    type Error = NotAPosition;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_of_another_epoch_is_unknown_not_newer() {
        let here = Position { epoch: 2, position: 10 };
        assert!(here.covers(&Position { epoch: 2, position: 10 }));
        assert!(!here.covers(&Position { epoch: 2, position: 11 }));
        assert!(!here.covers(&Position { epoch: 1, position: 1 }));
    }

    #[test]
    fn a_position_reads_back_what_it_writes() {
        let position = Position { epoch: 3, position: 4711 };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!("4711".parse::<Position>(), Err(NotAPosition));
    }
}
