//! Parked messages by what is wrong with them: repaired once, replayed together.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::position::Position;
use sqlx::PgConnection;
use web::{Problem, Role};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// The newest parked messages are grouped, and no more than these.
const MOST_COUNTED: i64 = 50_000;
const MOST_GROUPS: i64 = 200;

/// All groups of parked messages.
#[derive(Debug, Clone, Copy)]
pub struct MessageGroups;

/// Messages that fail for the same reason.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MessageGroup {
    /// Names the group, to list, replay or discard it.
    pub fingerprint: String,
    /// The cause, for programs.
    pub reason_code: String,
    /// What they claim to be.
    pub kind: Option<String>,
    /// The reason of the newest of them.
    pub example: String,
    /// How many.
    pub messages: i64,
    /// Of how many orders, as far as they say.
    pub orders: i64,
    /// When the first of them came.
    pub first_seen_at: DateTime<Utc>,
    /// When the last of them came.
    pub last_seen_at: DateTime<Utc>,
}

/// Groups of parked messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageGroupPage {
    /// The largest first.
    pub groups: Vec<MessageGroup>,
    /// Whether not everything that is parked was counted: only the newest 50,000 messages, and the 200 largest groups.
    pub has_more: bool,
    /// The log's position that was visible beside them.
    pub position: Position,
}

impl Question for MessageGroups {
    type Answer = MessageGroupPage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, g.fingerprint AS "fingerprint?",
                      g.reason_code AS "reason_code?", g.kind, g.example AS "example?",
                      g.messages AS "messages?", g.orders AS "orders?",
                      g.first_seen_at AS "first_seen_at?", g.last_seen_at AS "last_seen_at?",
                      g.counted AS "counted?"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT m.fingerprint, min(m.reason_code) AS reason_code, min(m.kind) AS kind,
                          (array_agg(m.reason ORDER BY m.message_no DESC))[1] AS example,
                          count(*) AS messages, count(DISTINCT m.order_key) AS orders,
                          min(m.received_at) AS first_seen_at, max(m.last_seen_at) AS last_seen_at,
                          sum(count(*)) OVER ()::bigint AS counted
                   FROM (SELECT p.fingerprint, p.reason_code, p.reason, p.kind, p.order_key,
                                p.message_no, p.received_at, p.last_seen_at
                         FROM read.messages AS p WHERE p.state = 'parked'
                         ORDER BY p.message_no DESC LIMIT $1) AS m
                   GROUP BY m.fingerprint
                   ORDER BY count(*) DESC, m.fingerprint LIMIT $2
               ) AS g ON true
               ORDER BY g.messages DESC, g.fingerprint"#,
            MOST_COUNTED,
            MOST_GROUPS + 1,
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let counted_all = first.counted.is_none_or(|counted| counted < MOST_COUNTED);
        let mut groups: Vec<MessageGroup> = rows
            .into_iter()
            .filter_map(|row| {
                Some(MessageGroup {
                    fingerprint: row.fingerprint?,
                    reason_code: row.reason_code?,
                    kind: row.kind,
                    example: row.example?,
                    messages: row.messages?,
                    orders: row.orders?,
                    first_seen_at: row.first_seen_at?,
                    last_seen_at: row.last_seen_at?,
                })
            })
            .collect();
        let most = usize::try_from(MOST_GROUPS).unwrap_or(usize::MAX);
        let has_more = groups.len() > most || !counted_all;
        groups.truncate(most);
        Ok(Snapshot {
            head,
            answer: MessageGroupPage { groups, has_more, position: head.position },
        })
    }
}

/// Parked messages by what is wrong with them, the largest group first. For people of the office.
#[utoipa::path(
    get, path = "/v1/message-groups", operation_id = "message_groups", tag = "messages",
    responses((status = 200, body = MessageGroupPage), (status = "default", body = Problem)),
)]
pub async fn handler(reader: Reader, context: Data<Context>) -> Result<HttpResponse, Problem> {
    reader.caller.require_role(&[Role::Seller, Role::Admin])?;
    context.answer(&reader, &MessageGroups).await
}
