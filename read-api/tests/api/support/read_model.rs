//! Fills schema `read` through the consumer's own projections, an event at a time, with positions that the test knows.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use consumer::checkpoint;
use consumer::follower::Replayable;
use consumer::projections;
use shared::actor::Actor;
use shared::clock::{Clock, SystemClock};
use shared::ids::{OperatorId, OrderId, PartnerId};
use shared::order::events::{LoggedEvent, OrderEvent};
use shared::order::stage::OperatorName;
use shared::order::{Origin, samples};
use shared::position::Position;
use sqlx::PgPool;
use testkit::{DatabaseRole, TestDatabase};
use uuid::Uuid;

/// The order that a test calls by this number.
pub const fn order_id(number: u128) -> OrderId {
    OrderId::new(Uuid::from_u128(number))
}

/// The partner that a test calls by this number.
pub const fn partner_id(number: u128) -> PartnerId {
    PartnerId::new(Uuid::from_u128(0xB_0000 + number))
}

/// People who act in tests.
pub struct Actors;

impl Actors {
    pub fn operator(number: u128) -> OperatorName {
        let operator_id = OperatorId::new(Uuid::from_u128(0xA_0000 + number));
        OperatorName { operator_id, name: format!("Operator {number}") }
    }
}

/// The read model of one test.
pub struct ReadModel {
    pool: PgPool,
    at: Position,
    versions: HashMap<OrderId, u64>,
}

impl ReadModel {
    pub fn of(database: &TestDatabase) -> Self {
        Self {
            pool: database.pool(DatabaseRole::Superuser),
            at: Position { epoch: 1, position: 0 },
            versions: HashMap::new(),
        }
    }

    /// How far it is.
    pub fn position(&self) -> Position {
        self.at
    }

    /// When the event at a position occurred.
    pub fn time_of(position: u64) -> DateTime<Utc> {
        samples::moment() + TimeDelta::seconds(position.cast_signed())
    }

    /// A shop's order is submitted; the shop calls it `S-<number>`.
    pub async fn submit(&mut self, number: u128) -> Position {
        let origin = Origin::Shop { external_id: format!("S-{number}") };
        self.submit_from(number, origin).await
    }

    /// A partner's order is submitted; the partner calls it `P-<number>`.
    pub async fn submit_for(&mut self, partner_id: PartnerId, number: u128) -> Position {
        let origin = Origin::Partner { partner_id, external_id: format!("P-{number}") };
        self.submit_from(number, origin).await
    }

    pub async fn submit_from(&mut self, number: u128, origin: Origin) -> Position {
        self.happen(number, vec![OrderEvent::Submitted { origin, spec: samples::spec() }]).await
    }

    /// From `SUBMITTED` on to `MANUFACTURING_APPROVED`.
    pub async fn approve(&mut self, number: u128) -> Position {
        let events = vec![
            OrderEvent::PricingStarted { attempt: 1 },
            OrderEvent::PriceCalculated { price: samples::price() },
            OrderEvent::ManufacturingApproved,
        ];
        self.happen(number, events).await
    }

    /// An approved order is taken.
    pub async fn take(&mut self, number: u128, operator: OperatorName) -> Position {
        self.happen(number, vec![OrderEvent::ManufacturingStarted { operator }]).await
    }

    /// A taken order is given back.
    pub async fn give_back(&mut self, number: u128) -> Position {
        self.happen(number, vec![OrderEvent::GivenBack { reason: "broken tool".to_owned() }]).await
    }

    /// Events of one order, one batch.
    pub async fn happen(&mut self, number: u128, events: Vec<OrderEvent>) -> Position {
        let order_id = order_id(number);
        let version = self.versions.entry(order_id).or_default();
        let mut position = self.at.position;
        let logged: Vec<LoggedEvent> = events
            .into_iter()
            .map(|event| {
                *version += 1;
                position += 1;
                LoggedEvent {
                    position,
                    order_id,
                    version: *version,
                    event,
                    actor: Actor::system("test"),
                    cause: "test".to_owned(),
                    trace_context: None,
                    occurred_at: Self::time_of(position),
                }
            })
            .collect();
        self.apply(&logged, position).await
    }

    /// Many orders of the shop are submitted, one batch.
    pub async fn submit_many(&mut self, numbers: std::ops::Range<u128>) -> Position {
        let origin = |number| Origin::Shop { external_id: format!("S-{number}") };
        self.submit_all(numbers, origin).await
    }

    /// Many orders of a partner are submitted, one batch.
    pub async fn submit_many_for(
        &mut self,
        partner_id: PartnerId,
        numbers: std::ops::Range<u128>,
    ) -> Position {
        let origin = |number| Origin::Partner { partner_id, external_id: format!("P-{number}") };
        self.submit_all(numbers, origin).await
    }

    async fn submit_all(
        &mut self,
        numbers: std::ops::Range<u128>,
        origin: impl Fn(u128) -> Origin,
    ) -> Position {
        let first = self.at.position + 1;
        let logged: Vec<LoggedEvent> = (first..)
            .zip(numbers)
            .map(|(position, number)| {
                let origin = origin(number);
                self.versions.insert(order_id(number), 1);
                LoggedEvent {
                    position,
                    order_id: order_id(number),
                    version: 1,
                    event: OrderEvent::Submitted { origin, spec: samples::spec() },
                    actor: Actor::Shop,
                    cause: "test".to_owned(),
                    trace_context: None,
                    occurred_at: Self::time_of(position),
                }
            })
            .collect();
        let last = logged.last().map_or(self.at.position, |event| event.position);
        self.apply(&logged, last).await
    }

    async fn apply(&mut self, events: &[LoggedEvent], to: u64) -> Position {
        let mut batch = self.pool.begin().await.unwrap();
        sqlx::query("SET LOCAL search_path = read").execute(&mut *batch).await.unwrap();
        projections::ReadModel::apply(&mut batch, events).await.unwrap();
        let now = Some(SystemClock.now());
        let moved = checkpoint::advance(&mut batch, self.at, to, now).await.unwrap();
        assert!(moved, "only this test moves the checkpoint");
        batch.commit().await.unwrap();
        self.at.position = to;
        self.at
    }

    /// The log begins another life.
    pub async fn begin_epoch(&mut self, epoch: u32) {
        sqlx::query("UPDATE read.checkpoint SET epoch = $1")
            .bind(i64::from(epoch))
            .execute(&self.pool)
            .await
            .unwrap();
        self.at.epoch = epoch;
    }
}
