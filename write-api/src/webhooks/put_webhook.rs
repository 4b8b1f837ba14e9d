//! `PUT /v1/webhooks/{webhook_id}`: registers a webhook or changes one. The caller chooses the id, so that a retry is safe.

use ::web::{Caller, Detached, JsonBody, Problem, Violation};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::contracts::partner;
use shared::ids::PartnerId;
use sqlx::{Connection, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use super::secret::Secret;
use super::{Owner, WebhookError, WebhooksConfig, address};
use crate::application::State;
use crate::store::Store;

/// A webhook as its owner describes it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutWebhook {
    /// Where to send events: `https`, on the public internet, at most 500 characters.
    pub url: String,
    /// Which types of events to send; all when left out or empty.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// What to sign with, `whsec_…`; made here when left out. Counts only for a new webhook: others rotate.
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
    /// Whose it is; only administrators say it.
    pub partner_id: Option<PartnerId>,
}

/// A webhook as it is now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegisteredWebhook {
    /// As the caller chose.
    pub webhook_id: Uuid,
    /// Whose it is.
    pub partner_id: PartnerId,
    /// Where events are sent.
    pub url: String,
    /// Which types; empty for all.
    pub event_types: Vec<String>,
    /// The secret of a new webhook, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Registers a webhook, or changes its address or types. The secret of a new one is shown this once; if the answer got
/// lost, rotate it, or choose it yourself.
#[utoipa::path(
    put, path = "/v1/webhooks/{webhook_id}",
    operation_id = "put_webhook", tag = "partners", request_body = PutWebhook,
    params(("webhook_id" = Uuid, Path, description = "Chosen by the caller")),
    responses(
        (status = 200, description = "Changed", body = RegisteredWebhook),
        (status = 201, description = "New", body = RegisteredWebhook),
        (status = "default", body = Problem),
    ),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    webhook_id: web::Path<Uuid>,
    body: JsonBody<PutWebhook>,
) -> Result<HttpResponse, Problem> {
    let owner = Owner::of(&caller)?;
    let body = body.into_inner();
    let partner_id = partner(&owner, body.partner_id)?;
    check(&body, state.webhooks)?;
    let put = Put {
        store: state.store.clone(),
        config: state.webhooks,
        owner,
        partner_id,
        webhook_id: *webhook_id,
    };
    let (registered, is_new) = detached.run(async move { put.carry_out(body).await }).await?;
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(registered))
}

fn partner(owner: &Owner, named: Option<PartnerId>) -> Result<PartnerId, Problem> {
    match (owner.partner_id(), named) {
        (Some(own), None) => Ok(own),
        (Some(own), Some(named)) if own == named => Ok(own),
        (Some(_), Some(_)) => Err(Problem::invalid_field("/partner_id", "not another partner's")),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(Problem::invalid_field("/partner_id", "say whose webhook it is")),
    }
}

fn check(body: &PutWebhook, config: WebhooksConfig) -> Result<(), Problem> {
    address::check(&body.url, config.allow_private)
        .map_err(|error| Problem::invalid_field("/url", error.to_string()))?;
    let kinds: Vec<String> = partner::kinds().collect();
    let unknown = body.event_types.iter().enumerate().filter(|(_, kind)| !kinds.contains(kind));
    let violations: Vec<Violation> = unknown
        .take(20)
        .map(|(number, _)| Violation {
            field: format!("/event_types/{number}"),
            message: format!("one of {}", kinds.join(", ")),
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
}

struct Put {
    store: Store,
    config: WebhooksConfig,
    owner: Owner,
    partner_id: PartnerId,
    webhook_id: Uuid,
}

impl Put {
    async fn carry_out(self, body: PutWebhook) -> Result<(RegisteredWebhook, bool), WebhookError> {
        let mut connection = self.store.pool().acquire().await?;
        let mut transaction = connection.begin().await?;
        self.lock_partner(&mut transaction).await?;
        let is_known = self.change(&mut transaction, &body).await?;
        let secret = if is_known { None } else { Some(self.add(&mut transaction, &body).await?) };
        let action = if is_known { "change" } else { "register" };
        let detail = json!({ "url": body.url, "event_types": body.event_types });
        let (store, id) = (&self.store, self.webhook_id);
        self.owner.remember(&mut transaction, store, id, action, Some(detail)).await?;
        transaction.commit().await?;
        let registered = RegisteredWebhook {
            webhook_id: self.webhook_id,
            partner_id: self.partner_id,
            url: body.url,
            event_types: body.event_types,
            secret: secret.map(|secret| secret.reveal()),
        };
        Ok((registered, !is_known))
    }

    /// So that two registrations at once do not both take the last place.
    async fn lock_partner(&self, connection: &mut PgConnection) -> Result<(), WebhookError> {
        let known = sqlx::query_scalar!(
            "SELECT partner_id FROM write.partners WHERE partner_id = $1 FOR UPDATE",
            self.partner_id.as_uuid(),
        )
        .fetch_optional(connection)
        .await?;
        known.map(|_| ()).ok_or(WebhookError::UnknownPartner)
    }

    async fn change(
        &self,
        connection: &mut PgConnection,
        body: &PutWebhook,
    ) -> Result<bool, WebhookError> {
        let holder = sqlx::query!(
            "SELECT partner_id, deleted_at FROM write.webhooks WHERE webhook_id = $1 FOR UPDATE",
            self.webhook_id,
        )
        .fetch_optional(&mut *connection)
        .await?;
        let Some(holder) = holder else { return Ok(false) };
        if holder.partner_id != self.partner_id.as_uuid() || holder.deleted_at.is_some() {
            return Err(WebhookError::Unknown);
        }
        sqlx::query!(
            "UPDATE write.webhooks SET url = $2, event_types = $3, changed_at = $4 WHERE webhook_id = $1",
            self.webhook_id,
            body.url,
            &body.event_types,
            self.store.clock().now(),
        )
        .execute(connection)
        .await?;
        Ok(true)
    }

    async fn add(
        &self,
        connection: &mut PgConnection,
        body: &PutWebhook,
    ) -> Result<Secret, WebhookError> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM write.webhooks WHERE partner_id = $1 AND deleted_at IS NULL"#,
            self.partner_id.as_uuid(),
        )
        .fetch_one(&mut *connection)
        .await?;
        if count >= i64::from(self.config.most) {
            return Err(WebhookError::TooMany(self.config.most));
        }
        let secret = match &body.secret {
            Some(secret) => secret.clone(),
            None => Secret::generate().map_err(WebhookError::Random)?,
        };
        let now = self.store.clock().now();
        sqlx::query!(
            "INSERT INTO write.webhooks (webhook_id, partner_id, url, event_types, state, created_at, changed_at)
             VALUES ($1, $2, $3, $4, 'active', $5, $5)",
            self.webhook_id,
            self.partner_id.as_uuid(),
            body.url,
            &body.event_types,
            now,
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "INSERT INTO write.webhook_secrets (secret_id, webhook_id, secret, created_at) VALUES ($1, $2, $3, $4)",
            self.store.ids().next(),
            self.webhook_id,
            secret.bytes(),
            now,
        )
        .execute(connection)
        .await?;
        Ok(secret)
    }
}
