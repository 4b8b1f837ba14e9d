//! `POST /v1/webhooks/{webhook_id}/resume`: what waited is sent, oldest first, with all its attempts before it.

use ::web::{Caller, Detached, Problem};
use actix_web::{HttpResponse, web};
use sqlx::Connection;
use uuid::Uuid;

use super::{Owner, WebhookError, lock};
use crate::application::State;
use crate::store::Store;

/// Resumes a paused webhook. Resuming it again changes nothing.
#[utoipa::path(
    post, path = "/v1/webhooks/{webhook_id}/resume",
    operation_id = "resume_webhook", tag = "partners", params(("webhook_id" = Uuid, Path)),
    responses((status = 204, description = "Events are sent"), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    webhook_id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (owner, store) = (Owner::of(&caller)?, state.store.clone());
    detached.run(async move { resume(&store, owner, *webhook_id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn resume(store: &Store, owner: Owner, webhook_id: Uuid) -> Result<(), WebhookError> {
    let now = store.clock().now();
    let mut connection = store.pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, &owner, webhook_id).await?;
    let resumed = sqlx::query!(
        "UPDATE write.webhooks
         SET state = 'active', paused_reason = NULL, paused_at = NULL, failing_since = NULL, changed_at = $2
         WHERE webhook_id = $1 AND state = 'paused'",
        webhook_id,
        now,
    )
    .execute(&mut *transaction)
    .await?;
    if resumed.rows_affected() == 1 {
        // Only what was tried before has a moment to wait for.
        sqlx::query!(
            "UPDATE write.webhook_deliveries SET attempts = 0, next_attempt = $2
             WHERE webhook_id = $1 AND state = 'waiting' AND attempts > 0",
            webhook_id,
            now,
        )
        .execute(&mut *transaction)
        .await?;
    }
    owner.remember(&mut transaction, store, webhook_id, "resume", None).await?;
    transaction.commit().await?;
    Ok(())
}
