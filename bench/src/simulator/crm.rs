//! The CRM: it hears of every order, takes partners' orders into its books, confirms what has a price, calls off what
//! cannot be, and closes what was handed over. Nine confirmations in ten are made by its rule; no seller is
//! needed for a price.

use std::ops::Range;
use std::sync::Arc;

use shared::contracts::inbound::{
    CancelledByCrm, Inbound, OrderAcknowledged, OrderApproved, OrderClosed, Seller,
};
use shared::contracts::text::{ForeignReference, PersonName, ReasonText};
use shared::ids::SellerId;
use uuid::Uuid;

use super::carrier;
use super::story::{Closing, Oddity};
use super::told::Told;
use super::world::World;
use crate::broker::{Received, Stopping};

const RULE_DECIDES: Range<f64> = 0.5..3.0;
const SELLER_DECIDES: Range<f64> = 5.0..25.0;
const TRYING_TO_REACH: Range<f64> = 10.0..30.0;
/// Orders that cannot be priced stay on the board for a while: somebody might mend them.
const HOPELESS_FOR: Range<f64> = 120.0..300.0;
const HANDED_OVER_AFTER: Range<f64> = 10.0..40.0;

const SELLERS: [(u128, &str); 2] = [(0x51, "Galina Smirnova"), (0x52, "Henrik Lund")];

/// The CRM reads `mes.to.crm`, and thinks about each message by itself.
pub async fn hear(world: Arc<World>, received: Received) -> Result<(), Stopping> {
    let told = match Told::read(&received.envelope) {
        Ok(told) => told,
        Err(error) => {
            world.wrong("the CRM reads a message", error);
            return Ok(());
        }
    };
    if !received.again {
        world.tally.count(told.event);
    }
    world.hear(&told.news());
    let desk = Desk { world: &world, told };
    match desk.told.event {
        "submitted" if desk.told.says.channel == "partner" => desk.acknowledge().await,
        "price-calculated" => desk.decide().await,
        "pricing-failed" => desk.give_up().await,
        "shipped" => desk.follow_the_parcel().await,
        _ => Ok(()),
    }
}

/// One message on somebody's desk.
struct Desk<'a> {
    world: &'a World,
    told: Told,
}

impl Desk<'_> {
    async fn acknowledge(&self) -> Result<(), Stopping> {
        let order_id = self.told.says.order_id;
        let reference = format!("CRM-{}", self.told.says.external_id);
        let crm_reference = ForeignReference::try_from(reference).ok();
        let message = OrderAcknowledged { order_id, crm_reference };
        self.send("acknowledged", Inbound::CrmOrderAcknowledged(message)).await
    }

    async fn decide(&self) -> Result<(), Stopping> {
        let story = self.told.story();
        match (story.oddity, story.seller) {
            // The shop or the partner says so.
            (Oddity::ChangesMind, _) => Ok(()),
            (Oddity::Unreachable, _) => {
                self.pause(TRYING_TO_REACH).await?;
                self.call_off("the customer cannot be reached", Some(seller(0))).await
            }
            (_, None) => {
                self.pause(RULE_DECIDES).await?;
                self.approve(None).await
            }
            (_, Some(who)) => {
                self.pause(SELLER_DECIDES).await?;
                self.approve(Some(seller(who))).await
            }
        }
    }

    async fn approve(&self, seller: Option<Seller>) -> Result<(), Stopping> {
        let message = OrderApproved { order_id: self.told.says.order_id, seller };
        self.send("approved", Inbound::CrmOrderApproved(message)).await
    }

    async fn give_up(&self) -> Result<(), Stopping> {
        // Somebody's order by hand is theirs to mend.
        if self.told.story().oddity != Oddity::Hole {
            return Ok(());
        }
        self.pause(HOPELESS_FOR).await?;
        self.call_off("this model cannot be made", Some(seller(1))).await
    }

    async fn call_off(&self, reason: &str, seller: Option<Seller>) -> Result<(), Stopping> {
        let (order_id, reason) = (self.told.says.order_id, text(reason));
        let message = CancelledByCrm { order_id, reason, seller };
        self.send("cancelled", Inbound::CrmOrderCancelled(message)).await
    }

    async fn follow_the_parcel(&self) -> Result<(), Stopping> {
        match self.told.story().closing {
            Closing::Carrier => carrier::deliver(self.world, &self.told).await,
            Closing::Crm => {
                carrier::travel(self.world, &self.told).await?;
                self.close(None, None).await
            }
            Closing::ByHand => {
                self.pause(HANDED_OVER_AFTER).await?;
                self.close(Some("handed over in the office"), Some(seller(0))).await
            }
            Closing::Twice => {
                carrier::deliver(self.world, &self.told).await?;
                self.pause(SELLER_DECIDES).await?;
                self.close(Some("the customer called: it is there"), Some(seller(1))).await
            }
        }
    }

    async fn close(&self, reason: Option<&str>, seller: Option<Seller>) -> Result<(), Stopping> {
        let (order_id, reason) = (self.told.says.order_id, reason.map(text));
        let message = OrderClosed { order_id, reason, seller };
        self.send("closed", Inbound::CrmOrderClosed(message)).await
    }

    async fn pause(&self, seconds: Range<f64>) -> Result<(), Stopping> {
        let name = format!("{}:{}", self.told.says.order_id, self.told.says.version);
        self.world.pause(seconds, &mut self.world.dice(&name)).await
    }

    /// The version tells two rounds apart, such as a second price after a repricing.
    async fn send(&self, what: &str, message: Inbound) -> Result<(), Stopping> {
        let says = &self.told.says;
        let id = format!("{}:{}:{what}", says.order_id, says.version);
        let trace = self.told.trace.as_deref();
        self.world.send(&self.world.crm_post, message, id, trace).await
    }
}

fn seller(who: usize) -> Seller {
    let (id, name) = SELLERS[who % SELLERS.len()];
    let name = PersonName::try_from(name.to_owned()).expect("a literal name");
    Seller { seller_id: SellerId::new(Uuid::from_u128(id)), name }
}

fn text(reason: &str) -> ReasonText {
    ReasonText::try_from(reason.to_owned()).expect("a literal reason")
}
