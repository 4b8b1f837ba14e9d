//! Frames of server-sent events.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::order::Status;
use shared::position::Position;
use shared::views::BoardRow;

/// An order that changed, as it is on the board now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LiveOrder {
    #[serde(flatten)]
    pub row: BoardRow,
    /// Of the order's last event; also the id of this event.
    pub position: Position,
    /// The version of the status's list that the order is in now.
    pub view_version: u64,
}

/// The counts, after something changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LiveCounts {
    #[schema(value_type = BTreeMap<String, u64>)]
    pub counts: BTreeMap<Status, u64>,
    /// Every event up to here is counted.
    pub position: Position,
}

/// Nothing new, and the stream lives.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Heartbeat {
    /// Everything up to here was sent.
    pub position: Position,
    /// Everything that happened before this moment was sent.
    pub as_of: DateTime<Utc>,
}

/// What was missed cannot be sent: fetch anew, not from before `position`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Resync {
    pub position: Position,
    pub reason: &'static str,
}

/// The stream ends here: connect again with the last id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Resume {
    pub reason: &'static str,
}

impl LiveOrder {
    pub fn to_frame(&self) -> Bytes {
        frame("order", Some(self.position), self)
    }
}

impl LiveCounts {
    pub fn to_frame(&self) -> Bytes {
        frame("counts", Some(self.position), self)
    }
}

impl Heartbeat {
    pub fn to_frame(&self) -> Bytes {
        frame("heartbeat", Some(self.position), self)
    }
}

impl Resync {
    pub const fn new(position: Position, reason: &'static str) -> Self {
        Self { position, reason }
    }

    pub fn to_frame(&self) -> Bytes {
        frame("resync", Some(self.position), self)
    }
}

impl Resume {
    pub fn to_frame(&self) -> Bytes {
        frame("resume", None, self)
    }
}

/// A quote, named after its state.
pub fn quote<T: Serialize>(state: &str, revision: u32, answer: &T) -> Bytes {
    let data = serde_json::to_string(answer).unwrap_or_default();
    format!("id: {revision}\nevent: {state}\ndata: {data}\n\n").into()
}

/// An event of a partner's feed.
pub fn feed_event<T: Serialize>(position: Position, event: &T) -> Bytes {
    frame("event", Some(position), event)
}

/// How long a client waits before it connects again.
pub const RETRY: Bytes = Bytes::from_static(b"retry: 1000\n\n");

fn frame<T: Serialize>(event: &str, id: Option<Position>, data: &T) -> Bytes {
    // Maps here have string keys, and no number is infinite: this always serialises, and JSON has no bare newline.
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {event}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_an_id_a_name_and_one_line_of_data() {
        let position = Position { epoch: 1, position: 7 };
        let frame = Resync::new(position, "why").to_frame();
        let expected =
            "id: 1-7\nevent: resync\ndata: {\"position\":\"1-7\",\"reason\":\"why\"}\n\n";
        assert_eq!(frame, expected);
    }
}
