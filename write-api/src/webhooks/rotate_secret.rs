//! `POST /v1/webhooks/{webhook_id}/secrets`: a new secret; for a while messages are signed with both.

use ::web::{Caller, Detached, JsonBody, Problem};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::secret::Secret;
use super::{Owner, WebhookError, lock};
use crate::application::State;
use crate::store::Store;

/// The longest that an old secret lives on, in hours: a week.
const LONGEST_OVERLAP: u16 = 168;

/// A secret to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// `whsec_` and 24 to 64 bytes in base64; made here when left out.
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
    /// How long the old one lives on, 0 to 168 hours; a day when left out.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 168)]
    pub overlap_hours: u16,
}

const fn a_day() -> u16 {
    24
}

/// A secret that was just added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RotatedSecret {
    /// Name it to drop it.
    pub secret_id: Uuid,
    /// Shown this once.
    pub secret: String,
    /// Until when messages are signed with the old one as well.
    pub old_until: DateTime<Utc>,
}

/// Adds a secret. At most two live: while one is on its way out, another cannot be added before it is dropped.
#[utoipa::path(
    post, path = "/v1/webhooks/{webhook_id}/secrets",
    operation_id = "rotate_webhook_secret", tag = "partners", request_body = RotateSecret,
    params(("webhook_id" = Uuid, Path)),
    responses(
        (status = 201, description = "The secret, shown this once", body = RotatedSecret),
        (status = "default", body = Problem),
    ),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    webhook_id: web::Path<Uuid>,
    body: JsonBody<RotateSecret>,
) -> Result<HttpResponse, Problem> {
    let (owner, store, body) = (Owner::of(&caller)?, state.store.clone(), body.into_inner());
    if body.overlap_hours > LONGEST_OVERLAP {
        return Err(Problem::invalid_field("/overlap_hours", format!("0 to {LONGEST_OVERLAP}")));
    }
    let rotated =
        detached.run(async move { rotate(&store, owner, *webhook_id, body).await }).await?;
    Ok(HttpResponse::Created().json(rotated))
}

async fn rotate(
    store: &Store,
    owner: Owner,
    webhook_id: Uuid,
    body: RotateSecret,
) -> Result<RotatedSecret, WebhookError> {
    let secret = match body.secret {
        Some(secret) => secret,
        None => Secret::generate().map_err(WebhookError::Random)?,
    };
    let (now, secret_id) = (store.clock().now(), store.ids().next());
    let old_until = now + TimeDelta::hours(i64::from(body.overlap_hours));
    let mut connection = store.pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, &owner, webhook_id).await?;
    let live = sqlx::query_scalar!(
        r#"SELECT count(*) AS "live!" FROM write.webhook_secrets
           WHERE webhook_id = $1 AND (expires_at IS NULL OR expires_at > $2)"#,
        webhook_id,
        now,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if live > 1 {
        return Err(WebhookError::TwoSecrets);
    }
    sqlx::query!(
        "UPDATE write.webhook_secrets SET expires_at = $2 WHERE webhook_id = $1 AND expires_at IS NULL",
        webhook_id,
        old_until,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "INSERT INTO write.webhook_secrets (secret_id, webhook_id, secret, created_at) VALUES ($1, $2, $3, $4)",
        secret_id,
        webhook_id,
        secret.bytes(),
        now,
    )
    .execute(&mut *transaction)
    .await?;
    let detail = Some(json!({ "secret_id": secret_id, "old_until": old_until }));
    owner.remember(&mut transaction, store, webhook_id, "rotate-secret", detail).await?;
    transaction.commit().await?;
    Ok(RotatedSecret { secret_id, secret: secret.reveal(), old_until })
}
