//! `PUT /v1/operators/{operator_id}`: adds an operator or changes one.

use ::web::{Caller, Detached, JsonBody, Problem, Role};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use shared::ids::OperatorId;
use utoipa::ToSchema;

use crate::application::State;
use crate::commands::text::DisplayName;
use crate::store::{CommandError, Store};

/// An operator as an administrator describes them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutOperator {
    /// What colleagues see.
    pub display_name: DisplayName,
    /// How many orders they may have in hand, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    pub wip_limit: u16,
    /// Whether they may take work.
    #[serde(default = "yes")]
    pub active: bool,
}

const fn yes() -> bool {
    true
}

/// Adds an operator or changes one.
#[utoipa::path(
    put, path = "/v1/operators/{operator_id}",
    operation_id = "put_operator", tag = "administration", request_body = PutOperator,
    params(("operator_id" = OperatorId, Path, description = "The `sub` of the operator's token")),
    responses((status = 200, description = "As it is now", body = PutOperator), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    operator_id: web::Path<OperatorId>,
    body: JsonBody<PutOperator>,
) -> Result<HttpResponse, Problem> {
    caller.require_role(&[Role::Admin])?;
    let operator = body.into_inner();
    if !(1..=1000).contains(&operator.wip_limit) {
        return Err(Problem::invalid_field("/wip_limit", "1 to 1000"));
    }
    let (store, operator_id) = (state.store.clone(), *operator_id);
    let saved = detached.run(async move { save(&store, operator_id, operator).await }).await?;
    Ok(HttpResponse::Ok().json(saved))
}

async fn save(
    store: &Store,
    operator_id: OperatorId,
    operator: PutOperator,
) -> Result<PutOperator, CommandError> {
    sqlx::query!(
        "INSERT INTO write.operators (operator_id, display_name, wip_limit, active, updated_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (operator_id) DO UPDATE SET
             display_name = EXCLUDED.display_name, wip_limit = EXCLUDED.wip_limit,
             active = EXCLUDED.active, updated_at = EXCLUDED.updated_at",
        operator_id.as_uuid(),
        operator.display_name.to_string(),
        i32::from(operator.wip_limit),
        operator.active,
        store.clock().now(),
    )
    .execute(store.pool())
    .await?;
    Ok(operator)
}
