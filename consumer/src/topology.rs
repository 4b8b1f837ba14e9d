//! Every exchange, queue and binding, in one table; [`declare`] makes the broker look like it.
//!
//! In: producers publish to the topic exchange `mes.commands`, by keys that begin with their own name. Whatever
//! arrives there goes to `mes.intake`, known or not: an unknown message is parked by us and not dropped by
//! the broker. One intake consumes at a time, because two would break the order of one order's messages;
//! the others stand by.
//!
//! Out: each recipient has its own key on `mes.deliveries` and its own queue, so that `mandatory` notices when one
//! of them is gone. `mes.events` carries a further copy for anyone who binds a queue of their own.
//!
//! Everything that the broker gives up on lands in `mes.dead`, from where the intake puts it into a table.
//!
//! The arguments of a queue cannot be changed: a new value needs a new name and a move.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

/// Producers publish here.
pub const COMMANDS: &str = "mes.commands";
/// One copy for each recipient goes through here.
pub const DELIVERIES: &str = "mes.deliveries";
/// A further copy for anyone.
pub const EVENTS: &str = "mes.events";
/// Wake-ups for pricing workers go through here.
pub const PRICING: &str = "mes.pricing";
/// What the broker gives up on goes through here.
pub const DEAD: &str = "mes.dead";
/// The intake's queue.
pub const INTAKE: &str = "mes.intake";

/// All exchanges. Topic ones may be bound by others, too.
pub const EXCHANGES: &[(&str, Kind)] = &[
    (COMMANDS, Kind::Topic),
    (DELIVERIES, Kind::Topic),
    (EVENTS, Kind::Topic),
    (PRICING, Kind::Direct),
    (DEAD, Kind::Fanout),
];

/// All queues, with what feeds them.
pub const QUEUES: &[Queue] = &[
    Queue { name: INTAKE, bound_to: COMMANDS, key: "#", purpose: Purpose::Intake },
    Queue { name: "mes.to.shop", bound_to: DELIVERIES, key: "shop", purpose: Purpose::Recipient },
    Queue { name: "mes.to.crm", bound_to: DELIVERIES, key: "crm", purpose: Purpose::Recipient },
    lane("mes.pricing.shop-short", "shop-short"),
    lane("mes.pricing.shop-long", "shop-long"),
    lane("mes.pricing.partner-short", "partner-short"),
    lane("mes.pricing.partner-long", "partner-long"),
    Queue { name: DEAD, bound_to: DEAD, key: "", purpose: Purpose::Dead },
];

/// How an exchange routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By patterns over dotted keys.
    Topic,
    /// By the very key.
    Direct,
    /// To all queues.
    Fanout,
}

/// A quorum queue and its one binding.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// The exchange that feeds it.
    pub bound_to: &'static str,
    /// The key of the binding.
    pub key: &'static str,
    /// What it is for, which decides its arguments.
    pub purpose: Purpose,
}

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Commands from others.
    Intake,
    /// Events for one recipient, who consumes it.
    Recipient,
    /// Wake-ups: the job rows are the truth, so that losing one costs a second and nothing else.
    WakeUps,
    /// What the broker gave up on.
    Dead,
}

const fn lane(name: &'static str, lane: &'static str) -> Queue {
    Queue { name, bound_to: PRICING, key: lane, purpose: Purpose::WakeUps }
}

/// After this many failed deliveries the broker gives a message up. A lost connection counts as one.
const DELIVERY_LIMIT: i64 = 20;
/// A full queue refuses new messages, which the publisher's confirm tells.
const LONGEST_QUEUE: i64 = 1_000_000;
const MOST_WAKE_UPS: i64 = 10_000;
/// A worker that has not seen a wake-up by then has looked by itself.
const WAKE_UP_TTL_MS: i64 = 60_000;

impl Queue {
    /// The arguments that it is declared with.
    pub fn arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        let mut set = |name: &str, value: AMQPValue| {
            arguments.insert(name.into(), value);
        };
        set("x-queue-type", text("quorum"));
        match self.purpose {
            Purpose::Intake | Purpose::Recipient => {
                set("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT));
                set("x-dead-letter-exchange", text(DEAD));
                // At-least-once dead-lettering works with this overflow only.
                set("x-dead-letter-strategy", text("at-least-once"));
                set("x-overflow", text("reject-publish"));
                set("x-max-length", AMQPValue::LongLongInt(LONGEST_QUEUE));
                if self.purpose == Purpose::Intake {
                    set("x-single-active-consumer", AMQPValue::Boolean(true));
                }
            }
            Purpose::WakeUps => {
                set("x-message-ttl", AMQPValue::LongLongInt(WAKE_UP_TTL_MS));
                set("x-overflow", text("drop-head"));
                set("x-max-length", AMQPValue::LongLongInt(MOST_WAKE_UPS));
            }
            Purpose::Dead => {}
        }
        arguments
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

impl From<Kind> for ExchangeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Topic => Self::Topic,
            Kind::Direct => Self::Direct,
            Kind::Fanout => Self::Fanout,
        }
    }
}

/// Makes sure that everything of the table exists. May be called by every process at every start.
///
/// # Errors
/// When something of the same name exists with other arguments, the broker closes the channel and says which.
pub async fn declare(channel: &Channel) -> lapin::Result<()> {
    for &(name, kind) in EXCHANGES {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(name.into(), kind.into(), options, FieldTable::default()).await?;
    }
    for queue in QUEUES {
        let options = QueueDeclareOptions::durable();
        channel.queue_declare(queue.name.into(), options, queue.arguments()).await?;
        bind(channel, queue).await?;
    }
    Ok(())
}

/// The one binding of a queue.
pub async fn bind(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let (exchange, key) = (queue.bound_to.into(), queue.key.into());
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.name.into(), exchange, key, options, FieldTable::default()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::contracts::outbound::Recipient;
    use write_api::store::Lane;

    #[test]
    fn every_queue_is_fed_by_an_exchange_of_the_table() {
        for queue in QUEUES {
            assert!(EXCHANGES.iter().any(|(name, _)| *name == queue.bound_to), "{}", queue.name);
        }
    }

    #[test]
    fn every_lane_and_every_recipient_with_a_promise_has_its_queue() {
        let named = |name: String| QUEUES.iter().any(|queue| queue.name == name);
        assert!(Lane::ALL.iter().all(|lane| named(format!("mes.pricing.{}", lane.as_str()))));
        let promised = [Recipient::Shop, Recipient::Crm];
        assert!(promised.iter().all(|to| named(format!("mes.to.{}", to.as_str()))));
    }
}
