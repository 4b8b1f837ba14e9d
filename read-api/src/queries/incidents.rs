//! What is or was wrong, as the system found it: the newest first, all of it or that of one status or order.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::ids::OrderId;
use shared::incident::{Incident, IncidentStatus};
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;
use web::{Problem, QueryParams, Role};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::page::{Limit, Place};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Only those of this status.
    status: Option<IncidentStatus>,
    /// Only those about this order.
    order_id: Option<OrderId>,
    /// Incidents at most, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next_cursor` of the page before, for the same filter.
    cursor: Option<String>,
}

/// Some incidents.
#[derive(Debug, Clone)]
pub struct Incidents {
    status: Option<IncidentStatus>,
    order_id: Option<OrderId>,
    limit: Limit,
    after: Option<Place>,
}

/// Incidents, the newest first, and how the watchers are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IncidentPage {
    /// The newest first.
    pub incidents: Vec<Incident>,
    /// Continues after the last one; nothing when there are no more.
    pub next_cursor: Option<String>,
    /// Those who look for trouble, and when they last did: without them an empty list says nothing.
    pub watchers: Vec<Watcher>,
    /// The log's position that was visible beside them.
    pub position: Position,
}

/// Somebody who looks for trouble.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Watcher {
    /// `watchdog` or `heartbeat`.
    pub name: String,
    /// When it last finished a round.
    pub beat_at: DateTime<Utc>,
}

impl Incidents {
    fn parse(params: &Params) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let mut list =
            Self { status: params.status, order_id: params.order_id, limit, after: None };
        if let Some(cursor) = &params.cursor {
            let place = Place::from_cursor(cursor, &list.name())
                .map_err(|e| Problem::invalid_field("cursor", e.to_string()))?;
            list.after = Some(place);
        }
        Ok(list)
    }

    /// What a cursor belongs to.
    fn name(&self) -> String {
        let status = self.status.map_or("", IncidentStatus::as_str);
        let order_id = self.order_id.map(|id| id.to_string()).unwrap_or_default();
        format!("incidents:{status}:{order_id}")
    }

    fn page(
        &self,
        mut incidents: Vec<Incident>,
        watchers: Vec<Watcher>,
        at: Position,
    ) -> IncidentPage {
        let has_more = incidents.len() > self.limit.rows();
        incidents.truncate(self.limit.rows());
        let last = incidents.last().filter(|_| has_more);
        // A place is a moment and an id, whatever the id is of.
        let next_cursor = last.map(|last| {
            let id = OrderId::new(last.incident_id);
            Place { status_since: last.opened_at, order_id: id }.to_cursor(&self.name())
        });
        IncidentPage { incidents, next_cursor, watchers, position: at }
    }
}

impl Question for Incidents {
    type Answer = IncidentPage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, f.incident AS "incident?: Json<Incident>",
                      (SELECT coalesce(jsonb_agg(jsonb_build_object('name', b.name, 'beat_at', b.beat_at)
                                                 ORDER BY b.name), '[]')
                       FROM read.watchdog_beats AS b) AS "watchers!: Json<Vec<Watcher>>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT i.opened_at, i.incident_id, to_jsonb(i) AS incident
                   FROM read.incidents AS i
                   WHERE ($1::text IS NULL OR i.status = $1)
                     AND ($2::uuid IS NULL OR i.order_id = $2)
                     AND ($3::timestamptz IS NULL OR (i.opened_at, i.incident_id) < ($3, $4::uuid))
                   ORDER BY i.opened_at DESC, i.incident_id DESC LIMIT $5
               ) AS f ON true
               ORDER BY f.opened_at DESC, f.incident_id DESC"#,
            self.status.map(IncidentStatus::as_str),
            self.order_id.map(|id| id.as_uuid()),
            self.after.map(|place| place.status_since),
            self.after.map_or(Uuid::nil(), |place| place.order_id.as_uuid()),
            i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let watchers = first.watchers.0.clone();
        let incidents =
            rows.into_iter().filter_map(|row| row.incident.map(|Json(incident)| incident));
        let answer = self.page(incidents.collect(), watchers, head.position);
        Ok(Snapshot { head, answer })
    }
}

/// Incidents: what the system found to be wrong, what it tried, and who must act. For people of the office.
#[utoipa::path(
    get, path = "/v1/incidents", operation_id = "incidents", tag = "administration",
    params(Params),
    responses((status = 200, body = IncidentPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    reader.caller.require_role(&[Role::Seller, Role::Admin])?;
    context.answer(&reader, &Incidents::parse(&params.0)?).await
}
