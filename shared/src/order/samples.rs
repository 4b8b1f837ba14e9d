//! Orders in every stage, for tests of this crate and of those that use it.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::events::OrderEvent;
use super::price::{ModelFacts, Price, PriceLine};
use super::spec::{Quantity, RateCardKey, StoneSettings, Unit, WorkSpec};
use super::stage::{Closing, OperatorName};
use super::{BrokenHistory, Order, Origin};
use crate::actor::Actor;
use crate::ids::{ModelId, OperatorId, OrderId, SellerId};
use crate::money::{Currency, Money};

/// A fixed moment.
pub fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_795_000_000_000_000).unwrap_or_default()
}

/// The id of the sample order.
pub const fn order_id() -> OrderId {
    OrderId::new(Uuid::from_u128(0xA11CE))
}

/// A shop's order number 4711.
pub fn origin() -> Origin {
    Origin::Shop { external_id: "S-4711".to_owned() }
}

/// A silver ring, polished, one piece.
///
/// # Panics
/// Never: the literals are valid.
pub fn spec() -> WorkSpec {
    let key = |text: &str| RateCardKey::try_from(text.to_owned()).expect("a literal key");
    WorkSpec {
        model_id: ModelId::from_sha256([7; 32]),
        unit: Unit::Millimetre,
        material: key("silver-925"),
        finish: key("polished"),
        quantity: Quantity::try_from(1).expect("a literal quantity"),
        rush: false,
        settings: StoneSettings::default(),
    }
}

/// 4 200.00 RUB in one line.
///
/// # Panics
/// Never: the literals are valid.
pub fn price() -> Price {
    let currency: Currency = "RUB".parse().expect("a literal currency");
    Price {
        total: Money { minor: 420_000, currency },
        lines: vec![PriceLine {
            code: "metal".to_owned(),
            quantity: Decimal::new(251, 2),
            unit: "g".to_owned(),
            rate: Decimal::new(167_330, 0),
            amount_minor: 420_000,
            detail: None,
        }],
        metal_grams: Decimal::new(251, 2),
        model: ModelFacts {
            volume_mm3: 241.342,
            area_mm2: 512.5,
            bbox_mm: [23.0, 23.0, 2.0],
            facets: 100_000,
            shells: 1,
        },
        model_id: Some(ModelId::from_sha256([7; 32])),
        rate_card_version: 1,
        fixing_id: Some(1),
        range: None,
        warnings: Vec::new(),
        lead_time_days: Some(10),
        engine_version: "sample".to_owned(),
        calculated_at: moment(),
    }
}

/// The operator Anna.
pub fn anna() -> OperatorName {
    OperatorName { operator_id: OperatorId::new(Uuid::from_u128(0xA)), name: "Anna".to_owned() }
}

/// Anna, acting.
pub fn anna_acting() -> Actor {
    let OperatorName { operator_id, name } = anna();
    Actor::Operator { operator_id, name }
}

/// The seller Sergei, acting.
pub fn seller() -> Actor {
    Actor::Seller { seller_id: SellerId::new(Uuid::from_u128(0x5)), name: "Sergei".to_owned() }
}

/// The events of an untroubled life, from draft to `CLOSED`, with who caused each.
pub fn whole_life() -> Vec<(OrderEvent, Actor)> {
    let (shop, pricer) = (Actor::Shop, Actor::system("pricer"));
    vec![
        (OrderEvent::Initiated { origin: origin() }, shop.clone()),
        (OrderEvent::FileUploaded { origin: origin(), model_id: spec().model_id }, shop.clone()),
        (OrderEvent::Submitted { origin: origin(), spec: spec() }, shop),
        (OrderEvent::PricingStarted { attempt: 1 }, pricer.clone()),
        (OrderEvent::PriceCalculated { price: price() }, pricer),
        (OrderEvent::ManufacturingApproved, seller()),
        (OrderEvent::ManufacturingStarted { operator: anna() }, anna_acting()),
        (OrderEvent::ManufacturingCompleted, anna_acting()),
        (OrderEvent::PackagingStarted, anna_acting()),
        (OrderEvent::Shipped { tracking_number: "RA123456785RU".to_owned() }, anna_acting()),
        (OrderEvent::Closed { closing: Closing::Delivered }, Actor::Carrier),
    ]
}

/// Folds events, a second apart, onto nothing.
///
/// # Errors
/// When the events do not make a history.
pub fn folded(events: &[(OrderEvent, Actor)]) -> Result<Option<Order>, BrokenHistory> {
    let mut at = moment();
    let mut order = None;
    for (event, actor) in events {
        order = Some(Order::apply(order, order_id(), event, actor, at)?);
        at += TimeDelta::seconds(1);
    }
    Ok(order)
}

/// The sample order after the first `events` events of its [`whole_life`].
///
/// # Panics
/// When `events` is 0 or more than a whole life has.
pub fn order_after(events: usize) -> Order {
    let life = whole_life();
    folded(&life[..events]).expect("the whole life is a history").expect("at least one event")
}
