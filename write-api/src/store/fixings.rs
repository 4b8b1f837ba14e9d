//! Rows of `write.metal_fixings`: the history of metal prices, and which set of them holds.
//!
//! One change at a time, under an advisory lock: sets have an order, and a judgement is about the price that holds.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::metals::{
    AgeLimits, Doubt, FixingRefusal, FixingState, Held, Judgement, Metal, MetalFixing, Observation,
    change_percent, judge,
};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{CommandError, Handled, Work};

/// How metal prices are judged.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixingsConfig {
    /// The largest change, up or down, that is taken without a person, in per cent of the price that holds.
    pub jump_limit_percent: u32,
    /// A price observed longer ago than this is used with a warning, and the alarm rings. Hours.
    pub stale_after_hours: u32,
    /// A price observed longer ago than this is not used: jobs wait for a newer one. Hours.
    pub too_old_after_hours: u32,
}

impl Default for FixingsConfig {
    /// Markets close from Friday evening to Monday morning, and for a week in the new year.
    fn default() -> Self {
        Self { jump_limit_percent: 10, stale_after_hours: 80, too_old_after_hours: 336 }
    }
}

impl FixingsConfig {
    /// From which age on prices are doubted.
    pub const fn ages(&self) -> AgeLimits {
        let Self { stale_after_hours, too_old_after_hours, .. } = *self;
        AgeLimits { stale_after_hours, too_old_after_hours }
    }
}

/// What recording or deciding a fixing answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FixingAnswer {
    /// As it is now.
    pub fixing: MetalFixing,
    /// Whether it already was as asked and nothing changed.
    pub already_done: bool,
}

/// What a person decides about a fixing that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is right: it holds from now on.
    Confirm,
    /// It is wrong: it is never used.
    Reject,
}

impl Work<'_> {
    /// Keeps what somebody says a metal costs, and lets it hold if it may.
    pub async fn record_fixing(&mut self, seen: &Observation) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        let (now, limit) = (store.clock().now(), store.fixings().jump_limit_percent);
        lock(connection).await?;
        let known = of_source(connection, seen).await?;
        let (fixing, already_done) = match known {
            Some(known) if said_the_same(&known, seen) => (known, true),
            Some(known) => return Err(contradicts(&known).into()),
            None => {
                let held = held(connection, seen.metal).await?;
                let judgement = judge(seen, held.as_ref(), &context.actor, limit, now);
                let change = change_percent(seen, held.as_ref());
                let new = New { seen, by: &context.actor, change, at: now };
                (add(connection, &new, judgement).await?, false)
            }
        };
        self.answer(&FixingAnswer { fixing, already_done }).await
    }

    /// A person decides about a fixing that waits, and may say why.
    pub async fn decide_fixing(
        &mut self,
        fixing_id: i64,
        decision: Decision,
        because: Option<&str>,
    ) -> Result<Handled, CommandError> {
        let (store, connection, context) = self.parts();
        if !matches!(context.actor, Actor::Admin { .. }) {
            return Err(FixingRefusal::NotAllowed.into());
        }
        lock(connection).await?;
        let known = by_id(connection, fixing_id).await?;
        let known = known.ok_or(FixingRefusal::Unknown(fixing_id))?;
        let (fixing, already_done) = match (known.state, decision) {
            (FixingState::Accepted, Decision::Confirm)
            | (FixingState::Rejected, Decision::Reject) => (known, true),
            (FixingState::Waiting, decision) => {
                let said = Said { decision, because, by: &context.actor, at: store.clock().now() };
                decide(connection, fixing_id, &said).await?;
                let fixing = by_id(connection, fixing_id).await?;
                (fixing.ok_or(FixingRefusal::Unknown(fixing_id))?, false)
            }
            (state, _) => return Err(FixingRefusal::NotWaiting { state }.into()),
        };
        self.answer(&FixingAnswer { fixing, already_done }).await
    }
}

/// An observation that is to be kept.
struct New<'n> {
    seen: &'n Observation,
    by: &'n Actor,
    change: Option<Decimal>,
    at: DateTime<Utc>,
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('metal_fixings'))")
        .execute(connection)
        .await?;
    Ok(())
}

async fn held(connection: &mut PgConnection, metal: Metal) -> Result<Option<Held>, CommandError> {
    let row = sqlx::query!(
        "SELECT price_per_gram, currency, observed_at FROM write.metal_fixings
         WHERE metal = $1 AND set_id IS NOT NULL ORDER BY set_id DESC LIMIT 1",
        metal.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let currency = row.currency.parse().map_err(|error| damaged(metal.as_str(), &error))?;
    Ok(Some(Held { minor: row.price_per_gram, currency, observed_at: row.observed_at }))
}

/// Keeps a new observation; one of the same metal that still waited has been overtaken.
async fn add(
    connection: &mut PgConnection,
    new: &New<'_>,
    judgement: Judgement,
) -> Result<MetalFixing, CommandError> {
    let (state, reason) = match judgement {
        Judgement::Accepted => (FixingState::Accepted, None),
        Judgement::Waiting(doubt) => (FixingState::Waiting, Some(doubt)),
        Judgement::Rejected(doubt) => (FixingState::Rejected, Some(doubt)),
    };
    if state != FixingState::Rejected {
        overtake(connection, new).await?;
    }
    let decided = (state != FixingState::Waiting).then_some(new.at);
    let rule = decided.map(|_| Json(Actor::system("metals")));
    let fixing_id = sqlx::query_scalar!(
        "INSERT INTO write.metal_fixings
             (metal, price_per_gram, currency, source, observed_at, received_at, published_by, state, reason,
              change_percent, decided_at, decided_by, set_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                 CASE WHEN $8 = 'accepted'
                      THEN (SELECT coalesce(max(set_id), 0) + 1 FROM write.metal_fixings) END)
         RETURNING fixing_id",
        new.seen.metal.as_str(),
        new.seen.price.minor(),
        new.seen.currency.as_str(),
        new.seen.source.as_str(),
        new.seen.observed_at,
        new.at,
        Json(new.by) as _,
        state.as_str(),
        reason.map(Doubt::as_str),
        new.change,
        decided,
        rule as _,
    )
    .fetch_one(&mut *connection)
    .await?;
    let fixing = by_id(connection, fixing_id).await?;
    Ok(fixing.ok_or(FixingRefusal::Unknown(fixing_id))?)
}

async fn overtake(connection: &mut PgConnection, new: &New<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.metal_fixings SET state = 'rejected', reason = 'superseded', decided_at = $2, decided_by = $3
         WHERE metal = $1 AND state = 'waiting'",
        new.seen.metal.as_str(),
        new.at,
        Json(Actor::system("metals")) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A person's word on a fixing.
struct Said<'s> {
    decision: Decision,
    because: Option<&'s str>,
    by: &'s Actor,
    at: DateTime<Utc>,
}

async fn decide(
    connection: &mut PgConnection,
    fixing_id: i64,
    said: &Said<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE write.metal_fixings
         SET state = CASE WHEN $2 THEN 'accepted' ELSE 'rejected' END,
             reason = CASE WHEN $2 THEN reason ELSE 'by_a_person' END,
             decided_at = $3, decided_by = $4, decided_because = $5,
             set_id = CASE WHEN $2
                           THEN (SELECT coalesce(max(set_id), 0) + 1 FROM write.metal_fixings) END
         WHERE fixing_id = $1",
        fixing_id,
        said.decision == Decision::Confirm,
        said.at,
        Json(said.by) as _,
        said.because,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// As it is stored.
struct Row {
    fixing_id: i64,
    metal: String,
    price_per_gram: Decimal,
    currency: String,
    source: String,
    observed_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    published_by: Json<Actor>,
    state: String,
    reason: Option<String>,
    change_percent: Option<Decimal>,
    set_id: Option<i64>,
    decided_by: Option<Json<Actor>>,
    decided_at: Option<DateTime<Utc>>,
    decided_because: Option<String>,
}

impl TryFrom<Row> for MetalFixing {
    type Error = CommandError;

    fn try_from(row: Row) -> Result<Self, CommandError> {
        let id = row.fixing_id.to_string();
        let state = FixingState::from_word(&row.state).ok_or_else(|| damaged(&id, &row.state))?;
        Ok(Self {
            fixing_id: row.fixing_id,
            metal: row.metal.parse().map_err(|error| damaged(&id, &error))?,
            price_per_gram_minor: row.price_per_gram,
            currency: row.currency.parse().map_err(|error| damaged(&id, &error))?,
            source: row.source,
            observed_at: row.observed_at,
            received_at: row.received_at,
            published_by: row.published_by.0,
            state,
            reason: row.reason.as_deref().and_then(Doubt::from_word),
            change_percent: row.change_percent,
            set_id: row.set_id,
            decided_by: row.decided_by.map(|by| by.0),
            decided_at: row.decided_at,
            decided_because: row.decided_because,
        })
    }
}

async fn by_id(
    connection: &mut PgConnection,
    fixing_id: i64,
) -> Result<Option<MetalFixing>, CommandError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT fixing_id, metal, price_per_gram, currency, source, observed_at, received_at,
                  published_by AS "published_by: Json<Actor>", state, reason, change_percent, set_id,
                  decided_by AS "decided_by: Json<Actor>", decided_at, decided_because
           FROM write.metal_fixings WHERE fixing_id = $1"#,
        fixing_id,
    )
    .fetch_optional(connection)
    .await?;
    row.map(MetalFixing::try_from).transpose()
}

async fn of_source(
    connection: &mut PgConnection,
    seen: &Observation,
) -> Result<Option<MetalFixing>, CommandError> {
    let fixing_id = sqlx::query_scalar!(
        "SELECT fixing_id FROM write.metal_fixings
         WHERE metal = $1 AND source = $2 AND observed_at = $3",
        seen.metal.as_str(),
        seen.source.as_str(),
        seen.observed_at,
    )
    .fetch_optional(&mut *connection)
    .await?;
    match fixing_id {
        Some(fixing_id) => by_id(connection, fixing_id).await,
        None => Ok(None),
    }
}

fn said_the_same(known: &MetalFixing, seen: &Observation) -> bool {
    known.price_per_gram_minor == seen.price.minor() && known.currency == seen.currency
}

fn contradicts(known: &MetalFixing) -> FixingRefusal {
    let (metal, fixing_id) = (known.metal, known.fixing_id);
    FixingRefusal::Contradicts { metal, source_name: known.source.clone(), fixing_id }
}

fn damaged(row: &str, what: &dyn std::fmt::Display) -> CommandError {
    CommandError::Inconsistent(format!("write.metal_fixings {row}: {what}"))
}
