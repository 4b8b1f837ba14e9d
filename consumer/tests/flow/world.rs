//! A database, a vhost and a clock of the test's own, with what stands between them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use consumer::delivery::{Broker, BrokerConfig, Fate, Outgoing};
use consumer::follower::LogAccess;
use consumer::intake::{Intake, IntakeConfig};
use consumer::relay::{Relay, RelayConfig};
use consumer::topology;
use secrecy::SecretString;
use serde_json::Value;
use shared::contracts::envelope::Envelope;
use shared::contracts::inbound::Inbound;
use shared::ids::{OrderId, TimeOrderedIds};
use shared::order::{Order, samples};
use sqlx::PgPool;
use sqlx::types::Json;
use std::str::FromStr;
use testkit::{DatabaseRole, ManualClock, PATIENCE, TestDatabase, TestVhost};
use write_api::store::Store;

pub struct World {
    pub database: TestDatabase,
    pub vhost: TestVhost,
    pub clock: ManualClock,
    pub broker: Broker,
    /// As the superuser, to prepare and to look.
    pub pool: PgPool,
}

impl World {
    pub async fn new() -> Self {
        let (database, vhost) = tokio::join!(TestDatabase::create(), TestVhost::create());
        let broker = broker(&vhost);
        broker.declare_topology().await.unwrap();
        let pool = database.pool(DatabaseRole::Superuser);
        let world =
            Self { database, vhost, clock: ManualClock::at(samples::moment()), broker, pool };
        world.upload_model().await;
        world
    }

    pub fn intake(&self) -> Intake {
        self.intake_on(self.database.pool(DatabaseRole::Consumer))
    }

    pub fn intake_on(&self, pool: PgPool) -> Intake {
        let store = Store::new(pool, Arc::new(self.clock.clone()), Arc::new(TimeOrderedIds));
        let config = IntakeConfig { batch: 50, window_ms: 20, retry_ms: 20 };
        Intake::new(store, self.broker.clone(), config)
    }

    pub fn relay(&self) -> Relay {
        self.relay_to(self.broker.clone())
    }

    pub fn relay_to(&self, broker: Broker) -> Relay {
        let url = self.database.url(DatabaseRole::Consumer);
        let options = sqlx::postgres::PgConnectOptions::from_str(&url).unwrap();
        let access = LogAccess::new(&options, 100, Arc::new(self.clock.clone()));
        let config = RelayConfig { batch: 100, poll_ms: 10, many: 5 };
        let pool = self.database.pool(DatabaseRole::Consumer);
        let store = Store::new(pool, Arc::new(self.clock.clone()), Arc::new(TimeOrderedIds));
        Relay::new(access, broker, config, store, Arc::default())
    }

    /// Publishes messages as their producers do, each with an id of its own: `first`, `first + 1`, …
    pub async fn tell(&self, first: u32, messages: &[Inbound]) {
        let envelopes: Vec<Envelope> = (first..)
            .zip(messages)
            .map(|(id, message)| message.clone().into_envelope(format!("m-{id}"), "/test"))
            .collect();
        let bodies = envelopes
            .iter()
            .zip(messages)
            .map(|(envelope, m)| (m.routing_key(), envelope.to_json()));
        self.publish(bodies.collect()).await;
    }

    /// Publishes bodies to `mes.commands`, whatever they are.
    pub async fn publish(&self, bodies: Vec<(&str, Vec<u8>)>) {
        let messages: Vec<Outgoing> = bodies
            .into_iter()
            .enumerate()
            .map(|(number, (key, body))| Outgoing {
                exchange: topology::COMMANDS,
                routing_key: key.to_owned(),
                message_id: number.to_string(),
                kind: String::new(),
                headers: Vec::new(),
                body,
                mandatory: true,
            })
            .collect();
        let mut publisher = self.broker.publisher("test").await.unwrap();
        let fates = publisher.publish_batch(&messages).await.unwrap();
        assert!(fates.iter().all(|fate| *fate == Fate::Sent), "{fates:?}");
        publisher.close().await;
    }

    /// Takes exactly `count` messages from a queue.
    pub async fn receive(&self, queue: &'static str, count: usize) -> Vec<Value> {
        let mut inbox = self.broker.inbox(queue, 100).await.unwrap();
        let mut received = Vec::new();
        while received.len() < count {
            let collect = inbox.collect(count - received.len(), Duration::from_millis(20));
            let deliveries = tokio::time::timeout(PATIENCE, collect)
                .await
                .unwrap_or_else(|_| panic!("{queue}: {} of {count} came", received.len()))
                .unwrap();
            inbox.acknowledge_up_to(deliveries.last().unwrap()).await.unwrap();
            received.extend(
                deliveries
                    .iter()
                    .map(|delivery| serde_json::from_slice::<Value>(&delivery.data).unwrap()),
            );
        }
        inbox.close().await;
        received
    }

    /// The one order that the shop calls so.
    pub async fn shop_order(&self, number: &str) -> Option<Order> {
        let state: Option<Json<Order>> = sqlx::query_scalar(
            "SELECT o.state FROM write.orders o JOIN write.order_references r USING (order_id)
             WHERE r.source = 'shop' AND r.external_id = $1",
        )
        .bind(number)
        .fetch_optional(&self.pool)
        .await
        .unwrap();
        state.map(|state| state.0)
    }

    /// What happened to an order, in the log's words.
    pub async fn kinds(&self, order_id: OrderId) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT kind FROM write.order_events WHERE order_id = $1 ORDER BY version",
        )
        .bind(order_id.as_uuid())
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// State, reason and attempts of every message that was not applied at once.
    pub async fn kept(&self) -> Vec<(String, String, i32)> {
        sqlx::query_as(
            "SELECT state, reason_code, attempts FROM write.waiting_messages ORDER BY waiting_id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// As the superuser.
    pub async fn run(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.pool).await.unwrap();
    }

    /// What a `SELECT count(*)` answers.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    async fn upload_model(&self) {
        self.upload(samples::spec().model_id.as_str()).await;
    }

    pub async fn upload(&self, model_id: &str) {
        sqlx::query(
            "INSERT INTO write.models (model_id, bytes, format, facets, uploaded_by, created_at)
             VALUES ($1, 684, 'stl-binary', 12, '{\"role\": \"shop\"}', now())",
        )
        .bind(model_id)
        .execute(&self.pool)
        .await
        .unwrap();
    }
}

pub fn broker(vhost: &TestVhost) -> Broker {
    broker_at(&vhost.url())
}

pub fn broker_at(url: &str) -> Broker {
    let config = BrokerConfig { url: SecretString::from(url.to_owned()) };
    Broker::new(&config, "test").unwrap()
}
