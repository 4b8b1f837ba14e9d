//! "Make order": from the shop after a draft or at once, from a partner always at once.

use ::web::{Problem, Scope};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use shared::ids::ModelId;
use shared::order::Origin;
use shared::order::decisions::submit;
use shared::order::spec::{Quantity, RateCardKey, StoneSettings, Unit, WorkSpec};
use utoipa::ToSchema;

use super::CommandAnswer;
use super::text::ExternalId;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// "Make order". The pricing job is created in the same transaction.
#[derive(Debug, Clone)]
pub struct SubmitOrder {
    /// Who ordered, and what they call it.
    pub origin: Origin,
    /// What is to be made.
    pub spec: WorkSpec,
}

impl Command for SubmitOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.require_model(&self.spec.model_id).await?;
        let (order_id, order) = work.lock_or_reserve(&self.origin).await?;
        let decision = submit(order.as_ref(), self.origin.clone(), self.spec.clone());
        work.record(order_id, order, decision).await
    }
}

/// A partner's order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    /// What the partner calls it; unique for ever, so that a repeated submission is the same order.
    pub external_id: ExternalId,
    /// A model that was uploaded before.
    pub model_id: ModelId,
    /// The unit of the model's numbers: STL, OBJ, PLY and OFF have none. `file` for what the file itself says.
    pub unit: Unit,
    /// A material of the rate card.
    pub material: RateCardKey,
    /// A finish of the rate card.
    pub finish: RateCardKey,
    /// Pieces.
    pub quantity: Quantity,
    /// Sooner than usual, for the rate card's surcharge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// Stones that are set into each piece.
    #[serde(default, skip_serializing_if = "StoneSettings::is_empty")]
    pub settings: StoneSettings,
}

impl SubmitBody {
    fn spec(self) -> WorkSpec {
        let Self { model_id, unit, material, finish, quantity, rush, settings, .. } = self;
        WorkSpec { model_id, unit, material, finish, quantity, rush, settings }
    }
}

/// A partner submits an order; it is priced at once.
#[utoipa::path(
    post, path = "/v1/orders",
    operation_id = "submit_order", tag = "orders", request_body = SubmitBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(request: CommandRequest) -> Result<HttpResponse, Problem> {
    request.caller.require_scope(Scope::OrdersSubmit)?;
    let partner_id = request.caller.partner_id();
    let partner_id =
        partner_id.ok_or_else(|| Problem::forbidden("Only partners submit orders over HTTP"))?;
    let body: SubmitBody = request.body()?;
    let command = SubmitOrder {
        origin: Origin::Partner { partner_id, external_id: body.external_id.clone().into() },
        spec: body.spec(),
    };
    request.execute(command, None).await
}
