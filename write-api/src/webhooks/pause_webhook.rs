//! `POST /v1/webhooks/{webhook_id}/pause`: nothing is sent until it is resumed; what happens meanwhile waits.

use ::web::{Caller, Detached, Problem};
use actix_web::{HttpResponse, web};
use sqlx::Connection;
use uuid::Uuid;

use super::{Owner, WebhookError, lock};
use crate::application::State;
use crate::store::Store;

/// Pauses a webhook. Pausing it again changes nothing.
#[utoipa::path(
    post, path = "/v1/webhooks/{webhook_id}/pause",
    operation_id = "pause_webhook", tag = "partners", params(("webhook_id" = Uuid, Path)),
    responses((status = 204, description = "Events wait"), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    webhook_id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (owner, store) = (Owner::of(&caller)?, state.store.clone());
    detached.run(async move { pause(&store, owner, *webhook_id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn pause(store: &Store, owner: Owner, webhook_id: Uuid) -> Result<(), WebhookError> {
    let mut connection = store.pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, &owner, webhook_id).await?;
    sqlx::query!(
        "UPDATE write.webhooks SET state = 'paused', paused_reason = 'asked', paused_at = $2, changed_at = $2
         WHERE webhook_id = $1 AND state = 'active'",
        webhook_id,
        store.clock().now(),
    )
    .execute(&mut *transaction)
    .await?;
    owner.remember(&mut transaction, store, webhook_id, "pause", None).await?;
    transaction.commit().await?;
    Ok(())
}
