//! `DELETE /v1/api-keys/{api_key_id}`: a key stops working, within seconds everywhere.

use ::web::{Caller, Detached, Problem, Role};
use actix_web::{HttpResponse, web};
use shared::ids::ApiKeyId;

use crate::application::State;
use crate::store::{CommandError, Store};

/// Revokes a key. Revoking it again changes nothing.
#[utoipa::path(
    delete, path = "/v1/api-keys/{api_key_id}",
    operation_id = "revoke_api_key", tag = "administration",
    params(("api_key_id" = ApiKeyId, Path)),
    responses((status = 204, description = "It no longer works"), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    api_key_id: web::Path<ApiKeyId>,
) -> Result<HttpResponse, Problem> {
    caller.require_role(&[Role::Admin])?;
    let (store, api_key_id) = (state.store.clone(), *api_key_id);
    let known = detached.run(async move { revoke(&store, api_key_id).await }).await?;
    if known {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::not_found("There is no such API key"))
    }
}

async fn revoke(store: &Store, api_key_id: ApiKeyId) -> Result<bool, CommandError> {
    let revoked = sqlx::query!(
        "UPDATE write.api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE api_key_id = $1",
        api_key_id.as_uuid(),
        store.clock().now(),
    )
    .execute(store.pool())
    .await?;
    Ok(revoked.rows_affected() == 1)
}
