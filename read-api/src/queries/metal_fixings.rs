//! What grams of pure metals cost: what holds, what waits for a person, and what was before.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::clock::{Clock, SystemClock};
use shared::metals::{AgeLimits, FixingState, Freshness, Metal, MetalFixing};
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use web::{Problem, QueryParams, Role};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::page::Limit;
use crate::replicas::{AskError, Head, Question, Snapshot};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Only this metal's.
    metal: Option<Metal>,
    /// Prices at most, of each metal, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

/// The last prices of metals.
#[derive(Debug, Clone)]
pub struct MetalFixings {
    metal: Option<Metal>,
    limit: Limit,
    ages: AgeLimits,
    now: DateTime<Utc>,
}

/// Prices of metals.
#[expect(clippy::struct_field_names, reason = "the answer's word for them")]
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Fixings {
    /// By metal: the one that waits for a person, then what was accepted, the newest first. The first accepted one of
    /// a metal holds.
    pub fixings: Vec<MetalFixing>,
    /// Of each metal that has any, in the same order.
    pub metals: Vec<MetalStanding>,
    /// The log's position that was visible beside them.
    pub position: Position,
}

/// How a metal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MetalStanding {
    /// Which metal.
    pub metal: Metal,
    /// Whether the price that holds may still be used; nothing while none holds.
    pub freshness: Option<Freshness>,
    /// Whether it has older accepted prices than those that are shown.
    pub has_more: bool,
}

impl Question for MetalFixings {
    type Answer = Fixings;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, f.fixing AS "fixing?: Json<MetalFixing>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT last.set_id, m.metal, jsonb_build_object(
                       'fixing_id', last.fixing_id, 'metal', last.metal,
                       'price_per_gram_minor', last.price_per_gram::text, 'currency', last.currency,
                       'source', last.source, 'observed_at', last.observed_at,
                       'received_at', last.received_at, 'published_by', last.published_by,
                       'state', last.state, 'reason', last.reason,
                       'change_percent', last.change_percent::text, 'set_id', last.set_id,
                       'decided_by', last.decided_by, 'decided_at', last.decided_at,
                       'decided_because', last.decided_because) AS fixing
                   FROM unnest($1::text[]) AS m (metal)
                   CROSS JOIN LATERAL (
                       SELECT w.* FROM read.metal_fixings AS w
                       WHERE w.metal = m.metal AND w.state = 'waiting'
                       UNION ALL
                       (SELECT h.* FROM read.metal_fixings AS h
                        WHERE h.metal = m.metal AND h.set_id IS NOT NULL
                        ORDER BY h.set_id DESC LIMIT $2)
                   ) AS last
               ) AS f ON true
               ORDER BY f.metal, f.set_id DESC NULLS FIRST"#,
            &self.metals(),
            i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let rows: Vec<_> =
            rows.into_iter().filter_map(|row| row.fixing.map(|fixing| fixing.0)).collect();
        let (fixings, metals) = self.cut(&rows);
        Ok(Snapshot { head, answer: Fixings { fixings, metals, position: head.position } })
    }
}

impl MetalFixings {
    /// Drops the one price too many that tells whether a metal has more, and judges the one that holds.
    fn cut(&self, rows: &[MetalFixing]) -> (Vec<MetalFixing>, Vec<MetalStanding>) {
        let (mut kept, mut metals) = (Vec::with_capacity(rows.len()), Vec::new());
        for of_one in rows.chunk_by(|one, next| one.metal == next.metal) {
            let is_accepted = |fixing: &&MetalFixing| fixing.state == FixingState::Accepted;
            let accepted = of_one.iter().filter(is_accepted).count();
            let holds = of_one.iter().find(is_accepted);
            let has_more = accepted > self.limit.rows();
            metals.extend(of_one.first().map(|first| MetalStanding {
                metal: first.metal,
                freshness: holds.map(|holds| self.ages.judge(self.now - holds.observed_at)),
                has_more,
            }));
            kept.extend_from_slice(&of_one[..of_one.len() - usize::from(has_more)]);
        }
        (kept, metals)
    }

    fn metals(&self) -> Vec<String> {
        let wanted =
            Metal::ALL.into_iter().filter(|each| self.metal.is_none_or(|metal| metal == *each));
        wanted.map(|metal| metal.as_str().to_owned()).collect()
    }
}

/// What metals cost: accepted prices with the one that waits for a person. For people of the office.
#[utoipa::path(
    get, path = "/v1/metal-fixings", operation_id = "metal_fixings", tag = "administration",
    params(Params),
    responses((status = 200, body = Fixings), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    reader.caller.require_role(&[Role::Seller, Role::Admin])?;
    let limit =
        Limit::parse(params.0.limit).map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
    let (metal, ages, now) = (params.0.metal, context.fixings, SystemClock.now());
    context.answer(&reader, &MetalFixings { metal, limit, ages, now }).await
}
