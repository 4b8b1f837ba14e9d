//! A partner's webhooks, how they are doing, and which secrets live (not what they are).

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::ids::PartnerId;
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::filter::Scope;
use crate::page::MAX_LIMIT;
use crate::replicas::{AskError, Head, Question, Snapshot};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {}

/// The webhooks that a caller may see.
#[derive(Debug, Clone, Copy)]
pub struct WebhookList {
    scope: Scope,
}

/// A webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookView {
    pub webhook_id: Uuid,
    pub partner_id: PartnerId,
    pub url: String,
    /// Types of events that are sent; empty for all.
    pub event_types: Vec<String>,
    /// `active` or `paused`.
    pub state: String,
    /// Why it is paused: `asked`, `failing` or `gone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<DateTime<Utc>>,
    /// The first failure since the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    /// Oldest first; one or two live.
    pub secrets: Vec<SecretView>,
}

/// A secret, but not what it is.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SecretView {
    pub secret_id: Uuid,
    pub created_at: DateTime<Utc>,
    /// Until when messages are signed with it; without end when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// All webhooks of a partner, or the oldest of all partners for people of the house.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookPage {
    /// Oldest first, 200 at most.
    pub webhooks: Vec<WebhookView>,
    /// Whether there are more.
    pub has_more: bool,
    /// The log's position that was visible beside them.
    pub position: Position,
}

impl Question for WebhookList {
    type Answer = WebhookPage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let limit = usize::from(MAX_LIMIT);
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, w.webhook_id AS "webhook_id?",
                      w.partner_id AS "partner_id?", w.url AS "url?", w.event_types AS "event_types?",
                      w.state AS "state?", w.paused_reason, w.paused_at, w.failing_since,
                      w.created_at AS "created_at?", w.changed_at AS "changed_at?",
                      (SELECT json_agg(json_build_object('secret_id', s.secret_id, 'created_at', s.created_at,
                                                         'expires_at', s.expires_at) ORDER BY s.created_at)
                       FROM read.webhook_secrets AS s
                       WHERE s.webhook_id = w.webhook_id AND (s.expires_at IS NULL OR s.expires_at > now())
                      ) AS "secrets?: Json<Vec<SecretView>>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT v.webhook_id, v.partner_id, v.url, v.event_types, v.state, v.paused_reason,
                          v.paused_at, v.failing_since, v.created_at, v.changed_at
                   FROM read.webhooks AS v
                   WHERE $1::uuid IS NULL OR v.partner_id = $1
                   ORDER BY v.created_at, v.webhook_id LIMIT $2
               ) AS w ON true
               ORDER BY w.created_at, w.webhook_id"#,
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
            i64::from(MAX_LIMIT) + 1,
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let mut webhooks: Vec<WebhookView> = rows
            .into_iter()
            .filter_map(|row| {
                Some(WebhookView {
                    webhook_id: row.webhook_id?,
                    partner_id: PartnerId::new(row.partner_id?),
                    url: row.url?,
                    event_types: row.event_types?,
                    state: row.state?,
                    paused_reason: row.paused_reason,
                    paused_at: row.paused_at,
                    failing_since: row.failing_since,
                    created_at: row.created_at?,
                    changed_at: row.changed_at?,
                    secrets: row.secrets.map(|secrets| secrets.0).unwrap_or_default(),
                })
            })
            .collect();
        let has_more = webhooks.len() > limit;
        webhooks.truncate(limit);
        Ok(Snapshot { head, answer: WebhookPage { webhooks, has_more, position: head.position } })
    }
}

/// Webhooks, the oldest first.
#[utoipa::path(
    get, path = "/v1/webhooks", operation_id = "webhook_list", tag = "partners", params(Params),
    responses((status = 200, body = WebhookPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    _params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    context.answer(&reader, &WebhookList { scope: reader.scope }).await
}
