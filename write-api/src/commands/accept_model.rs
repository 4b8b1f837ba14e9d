//! A person has looked at a damaged model and takes the upper bound of its volume. Orders and quotes of it can then be
//! priced; one that failed before is priced by `reprice`.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use shared::ids::ModelId;
use shared::order::spec::Unit;
use utoipa::ToSchema;

use super::text::Reason;
use crate::context::CommandRequest;
use crate::store::{AcceptedModel, AnalysisKey, Command, CommandError, Handled, Work};

/// The upper volume is accepted.
#[derive(Debug, Clone)]
pub struct AcceptModel {
    /// Which model, in which unit.
    pub key: AnalysisKey,
    /// Why.
    pub reason: Reason,
}

impl Command for AcceptModel {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.accept_model(&self.key, &self.reason.to_string()).await
    }
}

/// In which unit, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptModelBody {
    /// The unit that orders of it state.
    pub unit: Unit,
    /// Kept beside it; no personal data, please.
    pub reason: Reason,
}

/// Accepts the upper bound of a damaged model's volume.
#[utoipa::path(
    post, path = "/v1/models/{model_id}/accept",
    operation_id = "accept_model", tag = "models", request_body = AcceptModelBody,
    params(("model_id" = ModelId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AcceptedModel), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    model_id: web::Path<ModelId>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Seller, Role::Admin])?;
    let AcceptModelBody { unit, reason } = request.body()?;
    let key = AnalysisKey { model_id: model_id.into_inner(), unit };
    request.execute(AcceptModel { key, reason }, None).await
}
