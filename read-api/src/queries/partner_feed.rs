//! What happened to a partner's orders, in the order of the log: read by cursor, an outage of any length loses nothing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::contracts::partner::PartnerEvent;
use shared::ids::PartnerId;
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::{Json, JsonRawValue};
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// Events of a page when the caller does not say.
pub const DEFAULT_EVENTS: u16 = 200;
/// Events of a page at most.
pub const MOST_EVENTS: u16 = 1_000;

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// `next` of the page before, or the `position` of an event. Without it the feed begins with your first event.
    after: Option<Position>,
    /// Instead of `after`: begin with the first event that happened at this moment or later.
    since: Option<DateTime<Utc>>,
    /// Events at most, 1 to 1,000; 200 if not said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first event.
    Beginning,
    /// With what came after this one.
    After(Position),
    /// With what happened at this moment or later.
    Since(DateTime<Utc>),
}

/// A part of a partner's feed.
#[derive(Debug, Clone, Copy)]
pub struct PartnerFeed {
    pub partner_id: PartnerId,
    pub start: Start,
    pub limit: u16,
}

/// An event with its place in the feed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FeedEvent {
    /// Send it as `after` to go on behind this event.
    pub position: Position,
    /// What happened; a webhook sends just this.
    #[schema(value_type = PartnerEvent)]
    pub event: Box<JsonRawValue>,
}

/// Some events, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FeedPage {
    /// In the order of the log; those of one order in the order in which they happened.
    pub events: Vec<FeedEvent>,
    /// Send it as `after` to go on, now or later.
    pub next: Position,
    /// Whether more is there already.
    pub has_more: bool,
    /// Everything that happened before this moment was told.
    pub as_of: DateTime<Utc>,
}

/// A cursor of another life of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnotherEpoch {
    pub current: Position,
}

impl From<AnotherEpoch> for Problem {
    fn from(error: AnotherEpoch) -> Self {
        let title = "The feed began anew";
        Self::new(StatusCode::GONE, "feed-began-anew", title)
            .detail(
                "The log was restored or its views were rebuilt, and old cursors mean nothing any more. Begin with \
                 `since`, an hour before your last event, and pass over the ids that you have seen",
            )
            .with("current", error.current.to_string())
    }
}

impl PartnerFeed {
    fn parse(params: &Params, reader: &Reader) -> Result<Self, Problem> {
        let limit = params.limit.unwrap_or(DEFAULT_EVENTS);
        if !(1..=MOST_EVENTS).contains(&limit) {
            let message = format!("a whole number from 1 to {MOST_EVENTS}");
            return Err(Problem::invalid_field("limit", message));
        }
        let start = match (params.after, params.since) {
            (None, None) => Start::Beginning,
            (Some(after), None) => Start::After(after),
            (None, Some(since)) => Start::Since(since),
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("since", "not together with `after`"));
            }
        };
        Ok(Self { partner_id: partner_of(reader)?, start, limit })
    }

    /// The page after this one.
    pub const fn after(self, next: Position) -> Self {
        Self { start: Start::After(next), ..self }
    }
}

/// Whose feed it is.
pub fn partner_of(reader: &Reader) -> Result<PartnerId, Problem> {
    let partner_id = reader.scope.partner();
    partner_id.ok_or_else(|| Problem::forbidden("Only partners have a feed"))
}

impl Question for PartnerFeed {
    type Answer = Result<FeedPage, AnotherEpoch>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let (after, since) = match self.start {
            Start::Beginning => (Some(0), None),
            Start::After(position) => (Some(position.position), None),
            Start::Since(moment) => (None, Some(moment)),
        };
        // One statement, so one snapshot: what the checkpoint covers is in, and nothing below a row can come later.
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, f.position AS "event_position?",
                      f.event AS "event?: Json<Box<JsonRawValue>>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT p.position, p.event FROM read.partner_feed AS p
                   WHERE p.partner_id = $1
                     AND p.position > coalesce($2::bigint,
                         (SELECT min(s.position) - 1 FROM read.partner_feed AS s
                          WHERE s.partner_id = $1 AND s.occurred_at >= $3),
                         c.position)
                   ORDER BY p.position LIMIT $4
               ) AS f ON true
               ORDER BY f.position"#,
            self.partner_id.as_uuid(),
            after.map(|position| i64::try_from(position).unwrap_or(i64::MAX)),
            since,
            i64::from(self.limit) + 1,
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        if let Start::After(position) = self.start
            && position.epoch != head.position.epoch
        {
            return Ok(Snapshot { head, answer: Err(AnotherEpoch { current: head.position }) });
        }
        let events = rows.into_iter().filter_map(|row| {
            let position = row.event_position?.cast_unsigned();
            let position = Position { position, ..head.position };
            Some(FeedEvent { position, event: row.event?.0 })
        });
        Ok(Snapshot { head, answer: Ok(self.page(events.collect(), head)) })
    }
}

impl PartnerFeed {
    fn page(&self, mut events: Vec<FeedEvent>, head: Head) -> FeedPage {
        let limit = usize::from(self.limit);
        let has_more = events.len() > limit;
        events.truncate(limit);
        let next = match events.last() {
            Some(last) if has_more => last.position,
            // All that this server shows was told; whoever came from further on stays there.
            _ => match self.start {
                Start::After(after) if after.covers(&head.position) => after,
                _ => head.position,
            },
        };
        FeedPage { events, next, has_more, as_of: head.as_of }
    }
}

/// What happened to a partner's own orders, oldest first.
///
/// Ask again with `after` = `next`, at once while `has_more`, and then every few seconds; or listen at
/// `/v1/feed/live`. Nothing is skipped and nothing is told twice along one chain of cursors.
#[utoipa::path(
    get, path = "/v1/feed", operation_id = "partner_feed", tag = "partners", params(Params),
    responses((status = 200, body = FeedPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let feed = PartnerFeed::parse(&params.0, &reader)?;
    context.answer_or_refuse(&reader, &feed).await
}
