//! `DELETE /v1/webhooks/{webhook_id}/secrets/{secret_id}`: a secret dies at once, because it leaked or its answer got lost.

use ::web::{Caller, Detached, Problem};
use actix_web::{HttpResponse, web};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use super::{Owner, WebhookError, lock};
use crate::application::State;
use crate::store::Store;

/// Drops one of two live secrets; the other one stays for good.
#[utoipa::path(
    delete, path = "/v1/webhooks/{webhook_id}/secrets/{secret_id}",
    operation_id = "drop_webhook_secret", tag = "partners",
    params(("webhook_id" = Uuid, Path), ("secret_id" = Uuid, Path)),
    responses((status = 204, description = "Nothing is signed with it"), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    path: web::Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (owner, store) = (Owner::of(&caller)?, state.store.clone());
    let (webhook_id, secret_id) = path.into_inner();
    detached.run(async move { drop_one(&store, owner, webhook_id, secret_id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn drop_one(
    store: &Store,
    owner: Owner,
    webhook_id: Uuid,
    secret_id: Uuid,
) -> Result<(), WebhookError> {
    let mut connection = store.pool().acquire().await?;
    let mut transaction = connection.begin().await?;
    lock(&mut transaction, &owner, webhook_id).await?;
    sqlx::query!(
        "DELETE FROM write.webhook_secrets WHERE webhook_id = $1 AND secret_id = $2",
        webhook_id,
        secret_id,
    )
    .execute(&mut *transaction)
    .await?;
    // The one that stays does not expire any more.
    let stays = sqlx::query!(
        "UPDATE write.webhook_secrets SET expires_at = NULL
         WHERE webhook_id = $1 AND (expires_at IS NULL OR expires_at > $2)",
        webhook_id,
        store.clock().now(),
    )
    .execute(&mut *transaction)
    .await?;
    if stays.rows_affected() == 0 {
        return Err(WebhookError::LastSecret);
    }
    let detail = Some(json!({ "secret_id": secret_id }));
    owner.remember(&mut transaction, store, webhook_id, "drop-secret", detail).await?;
    transaction.commit().await?;
    Ok(())
}
