//! Every minute an order of our own walks the way that real ones walk: accepted, priced, told, shown, and called off
//! before anybody could make it. How long each part took is a metric; one that does not arrive is an incident, even
//! when no customer happens to order.
//!
//! It is an order of [`HEARTBEAT_PARTNER`], who is told to neither the shop nor the CRM, and whose orders are in no
//! list, count or live update of the house. They are in the log like all others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use object_store::ObjectStore;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::actor::Actor;
use shared::clock::SystemClock;
use shared::ids::{ModelId, OrderId, TimeOrderedIds};
use shared::incident::{Finding, Owner, Subject};
use shared::order::spec::{Quantity, RateCardKey, StoneSettings, Unit, WorkSpec};
use shared::order::{HEARTBEAT_PARTNER, Origin};
use tokio_util::sync::CancellationToken;
use write_api::commands::text::Reason;
use write_api::commands::{CancelOrder, CommandAnswer, SubmitOrder};
use write_api::models::{Models, UploadError};
use write_api::store::{Cause, CommandContext, CommandError, Store};

use crate::follower::{Follower, FollowerError, LogAccess, Replayable};
use crate::guard::survive;
use crate::projections::ReadModel;
use crate::relay::Route;
use crate::watchdog::beat;
use shared::contracts::outbound::Recipient;

/// The name of its lead and its beat.
pub const NAME: &str = "heartbeat";
const CAUSE: &str = "heartbeat-late";
/// More than its model has.
const MODEL_BYTES: u64 = 4_096;

/// How the heartbeat goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatConfig {
    /// From one beat to the next.
    pub every_seconds: u32,
    /// For the whole way.
    pub patience_seconds: u32,
    /// How often to look how far the order is.
    pub poll_ms: u64,
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self { every_seconds: 60, patience_seconds: 45, poll_ms: 50 }
    }
}

/// Why no beat could even begin.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The lead.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// A command, or an incident.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Its model.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The database.
    #[error("the heartbeat's database failed")]
    Database(#[from] sqlx::Error),
    /// Without a rate card nothing has a price.
    #[error("no rate card is in force")]
    NoRateCard,
    /// An answer that is none.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
}

/// A part of the way, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The command was answered.
    Accepted,
    /// The price is known.
    Priced,
    /// The relay has told of it.
    Sent,
    /// The read model has it.
    Projected,
}

impl Stage {
    /// As in metrics and incidents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Priced => "priced",
            Self::Sent => "sent",
            Self::Projected => "projected",
        }
    }
}

/// One beat: which order, when it passed each stage, and where it is stuck if it is.
#[derive(Debug, Clone, Serialize)]
pub struct Beat {
    /// Which order.
    pub order_id: OrderId,
    /// Milliseconds from its submission on.
    pub passed: Vec<(Stage, u64)>,
    /// The stage that it did not reach in time.
    pub missing: Option<Stage>,
}

/// Sends the orders, if it leads.
pub struct Heartbeat {
    access: LogAccess,
    store: Store,
    models: Models,
    config: HeartbeatConfig,
    stages: Histogram<f64>,
    beats: Counter<u64>,
    lead: Option<Follower>,
}

impl Heartbeat {
    /// A heartbeat that does nothing yet.
    pub fn new(
        access: LogAccess,
        store: Store,
        objects: Arc<dyn ObjectStore>,
        config: HeartbeatConfig,
    ) -> Self {
        let (pool, ids) = (store.pool().clone(), Arc::new(TimeOrderedIds));
        let models = Models::new(objects, pool, Arc::new(SystemClock), ids, MODEL_BYTES);
        let meter = global::meter("mes");
        let stages = meter
            .f64_histogram("mes_heartbeat_stage_seconds")
            .with_description("From the heartbeat order's submission until it passed a stage")
            .build();
        let beats = meter
            .u64_counter("mes_heartbeats")
            .with_description("Heartbeat orders, by whether they came through")
            .build();
        Self { access, store, models, config, stages, beats, lead: None }
    }

    /// Beats until the soft stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks =
            tokio::time::interval(Duration::from_secs(self.config.every_seconds.max(1).into()));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match survive(NAME, self.beat()).await {
                Some(Ok(Some(beat))) => tracing::debug!(?beat, "beat"),
                Some(Ok(None)) => {}
                Some(Err(error)) => {
                    self.lead = None;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "no heartbeat order could be sent");
                    self.beats.add(1, &[KeyValue::new("outcome", "not_sent")]);
                }
                None => self.lead = None,
            }
        }
        if let Some(lead) = self.lead.take() {
            lead.resign().await;
        }
    }

    /// Sends one order the whole way. `None` when another heartbeat leads.
    ///
    /// # Errors
    /// When no order could be sent, which the age of the last beat tells as well.
    pub async fn beat(&mut self) -> Result<Option<Beat>, HeartbeatError> {
        if self.lead.is_none() {
            self.lead = Follower::try_lead(&self.access, NAME).await?;
        }
        let Some(lead) = &mut self.lead else { return Ok(None) };
        lead.touch().await?;
        let spec = self.spec().await?;
        let began = Instant::now();
        let (order_id, version) = self.submit(spec).await?;
        let beat = self.walk(order_id, version, began).await?;
        self.call_off(order_id).await?;
        self.judge(&beat).await?;
        Ok(Some(beat))
    }

    /// The cheapest piece of the rate card in force: the first material, a finish for it, a small cube.
    async fn spec(&self) -> Result<WorkSpec, HeartbeatError> {
        let book = self.store.price_book(self.store.clock().now()).await?;
        let card = book.ok_or(HeartbeatError::NoRateCard)?.card;
        let key = |id: &str| RateCardKey::try_from(id.to_owned()).ok();
        let first = card.materials.first();
        let suits = |finish: &&pricing::rate_card::Finish| {
            first.is_some_and(|material| finish.suits(material.kind))
        };
        let material = first.and_then(|material| key(&material.id));
        let finish = card.finishes.iter().find(suits).and_then(|finish| key(&finish.id));
        let (Some(material), Some(finish)) = (material, finish) else {
            return Err(HeartbeatError::NoRateCard);
        };
        Ok(WorkSpec {
            model_id: self.upload().await?,
            unit: Unit::Millimetre,
            material,
            finish,
            quantity: Quantity::default(),
            rush: false,
            settings: StoneSettings::default(),
        })
    }

    async fn upload(&self) -> Result<ModelId, HeartbeatError> {
        let received = self.models.receive_whole(cube()).await?;
        Ok(self.models.keep(received, &Actor::system(NAME)).await?.model_id)
    }

    async fn submit(&self, spec: WorkSpec) -> Result<(OrderId, u64), HeartbeatError> {
        let external_id = format!("heartbeat-{}", self.store.ids().next());
        let context = context(&external_id, "submit");
        let origin = Origin::Partner { partner_id: HEARTBEAT_PARTNER, external_id };
        let handled = self.store.execute(&context, &SubmitOrder { origin, spec }).await?;
        let answer: CommandAnswer =
            handled.parse().map_err(|error| HeartbeatError::Inconsistent(error.to_string()))?;
        Ok((answer.order.order_id, answer.order.version))
    }

    /// Looks how far the order is until it is through, or patience ends.
    async fn walk(
        &self,
        order_id: OrderId,
        version: u64,
        began: Instant,
    ) -> Result<Beat, HeartbeatError> {
        let mut passed = vec![(Stage::Accepted, millis(began))];
        let patience = Duration::from_secs(self.config.patience_seconds.into());
        let mut missing = None;
        for stage in [Stage::Priced, Stage::Sent, Stage::Projected] {
            while !self.has_passed(stage, order_id, version).await? {
                if began.elapsed() > patience {
                    missing = Some(stage);
                    break;
                }
                tokio::time::sleep(Duration::from_millis(self.config.poll_ms)).await;
            }
            if missing.is_some() {
                break;
            }
            passed.push((stage, millis(began)));
        }
        Ok(Beat { order_id, passed, missing })
    }

    async fn has_passed(
        &self,
        stage: Stage,
        order_id: OrderId,
        version: u64,
    ) -> Result<bool, HeartbeatError> {
        let follower = match stage {
            Stage::Accepted | Stage::Priced => return self.is_priced(order_id).await,
            Stage::Sent => Route::To(Recipient::Listeners).follower(),
            Stage::Projected => ReadModel::FOLLOWER,
        };
        let passed = sqlx::query_scalar!(
            r#"SELECT coalesce((SELECT f.cursor FROM write.followers AS f WHERE f.name = $1), 0) >=
                      (SELECT max(e.position) FROM write.order_events AS e
                       WHERE e.order_id = $2 AND e.version >= $3) AS "passed!""#,
            follower,
            order_id.as_uuid(),
            version.cast_signed(),
        )
        .fetch_one(self.store.pool())
        .await?;
        Ok(passed)
    }

    async fn is_priced(&self, order_id: OrderId) -> Result<bool, HeartbeatError> {
        let status = sqlx::query_scalar!(
            "SELECT status FROM write.orders WHERE order_id = $1",
            order_id.as_uuid(),
        )
        .fetch_one(self.store.pool())
        .await?;
        Ok(status == "PRICE_CALCULATED")
    }

    async fn call_off(&self, order_id: OrderId) -> Result<(), HeartbeatError> {
        let reason = Reason::try_from("the heartbeat has come through, or not".to_owned())
            .map_err(|error| HeartbeatError::Inconsistent(error.to_string()))?;
        let context = context(&order_id.to_string(), "cancel");
        self.store.execute(&context, &CancelOrder { order_id, reason }).await?;
        Ok(())
    }

    /// Measures, and opens or closes the incident.
    async fn judge(&self, beat: &Beat) -> Result<(), HeartbeatError> {
        for (stage, millis) in &beat.passed {
            let seconds = Duration::from_millis(*millis).as_secs_f64();
            self.stages.record(seconds, &[KeyValue::new("stage", stage.as_str())]);
        }
        let outcome = if beat.missing.is_some() { "late" } else { "through" };
        self.beats.add(1, &[KeyValue::new("outcome", outcome)]);
        let now = self.store.clock().now();
        match beat.missing {
            None => {
                self.store.close_unseen_incidents(&[CAUSE], &[]).await?;
            }
            Some(stage) => {
                let evidence =
                    json!({ "missing": stage, "passed": beat.passed, "order_id": beat.order_id });
                let incident = self
                    .store
                    .open_incident(&Finding {
                        subject: Subject::new("system", NAME),
                        cause: CAUSE,
                        owner: Owner::OnCall,
                        evidence,
                        deadline: now + TimeDelta::seconds(self.config.every_seconds.into()),
                    })
                    .await?;
                self.store.escalate(incident.incident_id, "the way is not open").await?;
            }
        }
        beat::note(self.store.pool(), NAME, now, beat, None).await?;
        Ok(())
    }
}

fn context(key: &str, what: &str) -> CommandContext {
    CommandContext {
        actor: Actor::Partner { partner_id: HEARTBEAT_PARTNER },
        cause: Cause::new(NAME, format!("{what}/{key}"), &[]),
        trace_context: None,
        expected_version: None,
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A closed cube of 10 mm as binary STL. Its corners are numbered by their bits.
fn cube() -> Vec<u8> {
    const FACETS: [[u8; 3]; 12] = [
        [0, 2, 1],
        [1, 2, 3],
        [4, 5, 6],
        [5, 7, 6],
        [0, 1, 4],
        [1, 5, 4],
        [2, 6, 3],
        [3, 6, 7],
        [0, 4, 2],
        [2, 4, 6],
        [1, 3, 5],
        [3, 7, 5],
    ];
    let mut file = vec![0; 80];
    file.extend(12_u32.to_le_bytes());
    for facet in FACETS {
        file.extend([0; 12]);
        for corner in facet {
            for bit in 0..3 {
                let place = if corner >> bit & 1 == 1 { 10.0_f32 } else { 0.0 };
                file.extend(place.to_le_bytes());
            }
        }
        file.extend([0; 2]);
    }
    file
}
