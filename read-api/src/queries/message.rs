//! One message that could not be applied: its bytes, what can be read of them, and what people did about it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::actor::Actor;
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use web::{Problem, Role};

use super::message_list::MessageRow;
use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// Deeds that are told of one message, the newest.
const MOST_DEEDS: i64 = 100;

/// A message by its number.
#[derive(Debug, Clone, Copy)]
pub struct MessageByNumber(i64);

/// A message with all that is known of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageAnswer {
    /// As in the list.
    #[serde(flatten)]
    pub row: MessageRow,
    /// The bytes, in base64.
    pub body_base64: String,
    /// The bytes as JSON, if they are.
    pub decoded: Option<Value>,
    /// How it travelled: exchange, routing key, properties, headers.
    pub headers: Value,
    /// What it said before it was first edited, in base64.
    pub original_body_base64: Option<String>,
    /// What people did about it, the newest first, 100 at most.
    pub deeds: Vec<Deed>,
    /// Whether there are older ones.
    pub has_more_deeds: bool,
    /// The log's position that was visible beside it.
    pub position: Position,
}

/// Something that somebody did.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Deed {
    /// `replay`, `edit` or `discard`.
    pub action: String,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// With which particulars.
    pub detail: Option<Value>,
    /// What the message said before, in base64.
    pub body_before_base64: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Question for MessageByNumber {
    type Answer = Option<MessageAnswer>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let head = sqlx::query!("SELECT epoch, position, current_at FROM read.checkpoint")
            .fetch_optional(&mut *connection)
            .await?
            .ok_or_else(no_checkpoint)?;
        let head = Head::new(head.epoch, head.position, head.current_at, None)?;
        let Some(row) = self.row(connection).await? else {
            return Ok(Snapshot { head, answer: None });
        };
        let rest = sqlx::query!(
            r#"SELECT translate(encode(body, 'base64'), E'\n', '') AS "body!", body AS "bytes!",
                      translate(encode(original_body, 'base64'), E'\n', '') AS original,
                      headers AS "headers!"
               FROM read.messages WHERE message_no = $1"#,
            self.0,
        )
        .fetch_one(&mut *connection)
        .await?;
        let mut deeds = self.deeds(connection).await?;
        let most = usize::try_from(MOST_DEEDS).unwrap_or(usize::MAX);
        let has_more_deeds = deeds.len() > most;
        deeds.truncate(most);
        let answer = MessageAnswer {
            row,
            body_base64: rest.body,
            decoded: serde_json::from_slice(&rest.bytes).ok(),
            headers: rest.headers,
            original_body_base64: rest.original,
            deeds,
            has_more_deeds,
            position: head.position,
        };
        Ok(Snapshot { head, answer: Some(answer) })
    }
}

impl MessageByNumber {
    async fn row(&self, connection: &mut PgConnection) -> Result<Option<MessageRow>, AskError> {
        let row = sqlx::query_as!(
            MessageRow,
            r#"SELECT message_no AS "message_no!", state AS "state!", fingerprint AS "fingerprint!",
                      reason_code AS "reason_code!", reason AS "reason!", kind, source, message_id,
                      order_key, attempts AS "attempts!", seen AS "seen!",
                      received_at AS "received_at!", last_seen_at AS "last_seen_at!", next_attempt,
                      settled_at
               FROM read.messages WHERE message_no = $1"#,
            self.0,
        )
        .fetch_optional(connection)
        .await?;
        Ok(row)
    }

    async fn deeds(&self, connection: &mut PgConnection) -> Result<Vec<Deed>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT action AS "action!", by_actor AS "by: Json<Actor>", reason, detail,
                      translate(encode(body, 'base64'), E'\n', '') AS body, at AS "at!"
               FROM read.audit_entries WHERE subject = $1 ORDER BY audit_id DESC LIMIT $2"#,
            format!("message:{}", self.0),
            MOST_DEEDS + 1,
        )
        .fetch_all(connection)
        .await?;
        let deeds = rows.into_iter().filter_map(|row| {
            Some(Deed {
                action: row.action,
                by: row.by?.0,
                reason: row.reason,
                detail: row.detail,
                body_before_base64: row.body,
                at: row.at,
            })
        });
        Ok(deeds.collect())
    }
}

/// One message that could not be applied at once. For people of the office.
#[utoipa::path(
    get, path = "/v1/messages/{message_no}", operation_id = "message", tag = "messages",
    params(("message_no" = i64, Path)),
    responses((status = 200, body = MessageAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    message_no: Path<i64>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    reader.caller.require_role(&[Role::Seller, Role::Admin])?;
    let question = MessageByNumber(*message_no);
    let reading = context
        .replicas
        .ask(&question, reader.floor)
        .await
        .map_err(|error| Problem::from(&error))?;
    let found = reading.snapshot.answer;
    let found = found.ok_or_else(|| Problem::not_found("There is no such message"))?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(found))
}
