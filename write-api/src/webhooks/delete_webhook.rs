//! `DELETE /v1/webhooks/{webhook_id}`: nothing more is sent, and what waits is forgotten.

use ::web::{Caller, Detached, Problem};
use actix_web::{HttpResponse, web};
use sqlx::Connection;
use uuid::Uuid;

use super::{Owner, WebhookError, lock};
use crate::application::State;
use crate::store::Store;

/// Deletes a webhook. Its id is not used again.
#[utoipa::path(
    delete, path = "/v1/webhooks/{webhook_id}",
    operation_id = "delete_webhook", tag = "partners", params(("webhook_id" = Uuid, Path)),
    responses((status = 204, description = "It is gone"), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    webhook_id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let (owner, store) = (Owner::of(&caller)?, state.store.clone());
    detached.run(async move { delete(&store, owner, *webhook_id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn delete(store: &Store, owner: Owner, webhook_id: Uuid) -> Result<(), WebhookError> {
    let mut connection = store.pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, &owner, webhook_id).await?;
    let now = store.clock().now();
    sqlx::query!(
        "UPDATE write.webhooks SET deleted_at = $2, changed_at = $2 WHERE webhook_id = $1",
        webhook_id,
        now
    )
    .execute(&mut *transaction)
    .await?;
    // The deliveries, of which there may be many, are forgotten in batches by the role that makes them.
    sqlx::query!("DELETE FROM write.webhook_secrets WHERE webhook_id = $1", webhook_id)
        .execute(&mut *transaction)
        .await?;
    owner.remember(&mut transaction, store, webhook_id, "delete", None).await?;
    transaction.commit().await?;
    Ok(())
}
