//! Somebody careless: now and then a message that nobody can act upon, so that parked messages exist and can be
//! looked at. Nothing of it touches an order that is watched.

use shared::clock::{Clock, SystemClock};
use shared::contracts::inbound::{Inbound, OrderApproved, OrderInitiated};
use shared::contracts::samples;
use shared::contracts::text::ShopOrderId;
use shared::ids::{Ids, OrderId, TimeOrderedIds};

use super::world::World;
use crate::broker::{Letter, Stopping};
use crate::dice::Dice;

/// Kinds of carelessness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// Not JSON at all.
    NotJson,
    /// JSON, and not a CloudEvent.
    NotACloudEvent,
    /// A type that is not in the contract.
    UnknownType,
    /// A field that is not in the contract.
    UnknownField,
    /// A number that makes no sense.
    NoPieces,
    /// Subject and data name different orders.
    Contradiction,
    /// An order that does not exist.
    UnknownOrder,
}

impl Slip {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NotJson,
        Self::NotACloudEvent,
        Self::UnknownType,
        Self::UnknownField,
        Self::NoPieces,
        Self::Contradiction,
        Self::UnknownOrder,
    ];

    /// The message.
    pub fn letter(self, id: String) -> Letter {
        let now = SystemClock.now();
        if self == Self::UnknownOrder {
            let order_id = OrderId::new(TimeOrderedIds.next());
            let message = Inbound::CrmOrderApproved(OrderApproved { order_id, seller: None });
            return Letter::new(message, id, now, None);
        }
        let sound = match self {
            Self::UnknownField | Self::NoPieces => samples::submitted(),
            _ => Inbound::ShopOrderInitiated(OrderInitiated { shop_order_id: nobodys() }),
        };
        let mut letter = Letter::new(sound, id, now, None);
        letter.body = self.spoiled(&letter.body);
        letter
    }

    fn spoiled(self, body: &[u8]) -> Vec<u8> {
        let mut message: serde_json::Value =
            serde_json::from_slice(body).expect("a message of the contract is JSON");
        match self {
            Self::NotJson => return b"<order><number>4711</number></order>".to_vec(),
            Self::NotACloudEvent => message = serde_json::json!({ "order": 4711 }),
            Self::UnknownType => message["type"] = "ru.mes.shop.order.forgotten.v1".into(),
            Self::UnknownField => message["data"]["engraving"] = "to Anna".into(),
            Self::NoPieces => message["data"]["quantity"] = 0.into(),
            Self::Contradiction => message["subject"] = "S-another".into(),
            Self::UnknownOrder => {}
        }
        message.to_string().into_bytes()
    }
}

/// Perhaps somebody slips.
pub async fn perhaps(world: &World, dice: &mut Dice) -> Result<(), Stopping> {
    if !dice.chance(world.plan.careless) {
        return Ok(());
    }
    let slip = *dice.pick(&Slip::ALL);
    world.tally.count("bad");
    if world.plan.verbose {
        eprintln!("somebody is careless: {slip:?}");
    }
    let post = if slip == Slip::UnknownOrder { &world.crm_post } else { &world.shop_post };
    post.send(slip.letter(world.new_key())).await
}

fn nobodys() -> ShopOrderId {
    ShopOrderId::try_from("S-careless".to_owned()).expect("a literal number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_slip_can_be_read_but_the_one_about_an_unknown_order() {
        for slip in Slip::ALL {
            let letter = slip.letter("m-1".to_owned());
            let read = Inbound::parse(&letter.body);
            assert_eq!(read.is_ok(), slip == Slip::UnknownOrder, "{slip:?}");
        }
    }
}
