//! What the MES tells the shop and the CRM, read as they read it.

use serde_json::Value;
use shared::contracts::envelope::Envelope;
use shared::contracts::outbound::{Announcement, OUTBOUND};

use super::book::News;
use super::story::Story;

/// A message from the MES.
#[derive(Debug, Clone)]
pub struct Told {
    /// The event's name, such as `price-calculated`.
    pub event: &'static str,
    /// What it says.
    pub says: Announcement<Value>,
    /// The chain of hops that it belongs to; whoever answers continues it.
    pub trace: Option<String>,
}

impl Told {
    /// Reads a message; the error says what nobody understands.
    pub fn read(envelope: &Envelope) -> Result<Self, String> {
        let known = OUTBOUND.iter().find(|known| known.kind == envelope.kind);
        let known = known.ok_or_else(|| format!("the unknown type {}", envelope.kind))?;
        let says = envelope.data_as().map_err(|malformed| malformed.to_string())?;
        Ok(Self { event: known.event, says, trace: envelope.traceparent.clone() })
    }

    /// What will happen to the order.
    pub fn story(&self) -> Story {
        Story::of(&self.says.external_id)
    }

    /// What it says about the order.
    pub fn news(&self) -> News {
        News {
            external_id: self.says.external_id.clone(),
            order_id: self.says.order_id,
            version: self.says.version,
            status: self.says.status,
            price_failed: self.event == "pricing-failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::contracts::outbound::announce;
    use shared::contracts::samples::logged_events;
    use shared::order::samples::origin;

    #[test]
    fn everything_that_the_mes_tells_is_understood() {
        for logged in logged_events() {
            let envelope = announce(&logged, &origin(), 1).unwrap();
            let told = Told::read(&Envelope::parse(&envelope.to_json()).unwrap()).unwrap();
            assert_eq!(told.event, logged.event.kind());
            assert_eq!(told.news().price_failed, told.event == "pricing-failed");
            assert_eq!(told.news().external_id, "S-4711");
        }
    }
}
