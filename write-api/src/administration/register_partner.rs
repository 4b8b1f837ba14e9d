//! `POST /v1/partners`: registers another jewellery seller.

use ::web::{Caller, Detached, JsonBody, Problem, Role};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use shared::ids::PartnerId;
use utoipa::ToSchema;

use crate::application::State;
use crate::commands::text::DisplayName;
use crate::store::{CommandError, Store};

/// A partner to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterPartner {
    /// Chosen by the caller, so that sending it again registers nobody twice.
    pub partner_id: PartnerId,
    /// What our people call them.
    pub display_name: DisplayName,
}

/// Registers another jewellery seller, or renames one.
#[utoipa::path(
    post, path = "/v1/partners",
    operation_id = "register_partner", tag = "administration", request_body = RegisterPartner,
    responses((status = 200, description = "As it is now", body = RegisterPartner), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    body: JsonBody<RegisterPartner>,
) -> Result<HttpResponse, Problem> {
    caller.require_role(&[Role::Admin])?;
    let (store, partner) = (state.store.clone(), body.into_inner());
    let saved = detached.run(async move { save(&store, partner).await }).await?;
    Ok(HttpResponse::Ok().json(saved))
}

async fn save(store: &Store, partner: RegisterPartner) -> Result<RegisterPartner, CommandError> {
    sqlx::query!(
        "INSERT INTO write.partners (partner_id, display_name, active, created_at)
         VALUES ($1, $2, true, $3)
         ON CONFLICT (partner_id) DO UPDATE SET display_name = EXCLUDED.display_name",
        partner.partner_id.as_uuid(),
        partner.display_name.to_string(),
        store.clock().now(),
    )
    .execute(store.pool())
    .await?;
    Ok(partner)
}
