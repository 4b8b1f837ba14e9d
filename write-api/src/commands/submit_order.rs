//! "Make order": from the shop after a draft or at once, from a partner always at once.

use ::web::{Caller, Problem, Scope};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use shared::ids::{ModelId, PartnerId, QuoteId};
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
        // A model that is not there is refused where the job is put into its lane.
        let (order_id, order) = work.lock_or_reserve(&self.origin).await?;
        let decision = submit(order.as_ref(), self.origin.clone(), self.spec.clone());
        work.record(order_id, order, decision).await
    }
}

/// "Make order" at the price of a quote, which is then used up.
#[derive(Debug, Clone)]
pub struct OrderQuote {
    /// Who ordered, and what they call it.
    pub origin: Origin,
    /// The quote.
    pub quote_id: QuoteId,
    /// What the order says that it is for, if it says so: it must be what was quoted.
    pub asked: Option<WorkSpec>,
}

impl Command for OrderQuote {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.order_quote(&self.origin, self.quote_id, self.asked.as_ref()).await
    }
}

/// A partner's order: of a quote, or of what the other fields say, which are required then.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    /// What the partner calls it; unique for ever, so that a repeated submission is the same order.
    pub external_id: ExternalId,
    /// A quote with a price that still holds: the order is for what was quoted, at that price, without another
    /// calculation. Instead of all fields below.
    pub quote_id: Option<QuoteId>,
    /// A model that was uploaded before.
    pub model_id: Option<ModelId>,
    /// The unit of the model's numbers: STL, OBJ, PLY and OFF have none. `file` for what the file itself says.
    pub unit: Option<Unit>,
    /// A material of the rate card.
    pub material: Option<RateCardKey>,
    /// A finish of the rate card.
    pub finish: Option<RateCardKey>,
    /// Pieces.
    pub quantity: Option<Quantity>,
    /// Sooner than usual, for the rate card's surcharge.
    pub rush: Option<bool>,
    /// Stones that are set into each piece.
    pub settings: Option<StoneSettings>,
}

/// What a partner orders: by a quote, or by what is to be made.
#[derive(Debug, Clone)]
pub enum PartnerOrder {
    /// What was quoted, at its price.
    Quoted(OrderQuote),
    /// Priced at once.
    Specified(SubmitOrder),
}

impl Command for PartnerOrder {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        match self {
            Self::Quoted(order) => order.carry_out(work).await,
            Self::Specified(order) => order.carry_out(work).await,
        }
    }
}

impl SubmitBody {
    /// The command of `partner_id`; the body must say what to order once and not twice.
    ///
    /// # Errors
    /// A problem that names the field.
    pub fn into_order(self, partner_id: PartnerId) -> Result<PartnerOrder, Problem> {
        let origin = Origin::Partner { partner_id, external_id: self.external_id.clone().into() };
        match self.quote_id {
            Some(quote_id) => {
                self.nothing_but_the_quote()?;
                Ok(PartnerOrder::Quoted(OrderQuote { origin, quote_id, asked: None }))
            }
            None => Ok(PartnerOrder::Specified(SubmitOrder { origin, spec: self.spec()? })),
        }
    }

    fn nothing_but_the_quote(&self) -> Result<(), Problem> {
        let said = [
            ("/model_id", self.model_id.is_some()),
            ("/unit", self.unit.is_some()),
            ("/material", self.material.is_some()),
            ("/finish", self.finish.is_some()),
            ("/quantity", self.quantity.is_some()),
            ("/rush", self.rush.is_some()),
            ("/settings", self.settings.is_some()),
        ];
        match said.into_iter().find(|(_, is_said)| *is_said) {
            Some((field, _)) => Err(Problem::invalid_field(field, "the quote says this already")),
            None => Ok(()),
        }
    }

    fn spec(self) -> Result<WorkSpec, Problem> {
        Ok(WorkSpec {
            model_id: required("/model_id", self.model_id)?,
            unit: required("/unit", self.unit)?,
            material: required("/material", self.material)?,
            finish: required("/finish", self.finish)?,
            quantity: required("/quantity", self.quantity)?,
            rush: self.rush.unwrap_or_default(),
            settings: self.settings.unwrap_or_default(),
        })
    }
}

fn required<T>(field: &'static str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::invalid_field(field, "needed where no `quote_id` says it"))
}

/// A partner submits an order; it is priced at once, or has its price from a quote. Orders that come faster than the
/// partner's pace wait a moment for their turn; many go into a batch.
#[utoipa::path(
    post, path = "/v1/orders",
    operation_id = "submit_order", tag = "orders", request_body = SubmitBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CommandAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(request: CommandRequest) -> Result<HttpResponse, Problem> {
    let partner_id = submitting_partner(&request.caller)?;
    let body: SubmitBody = request.body()?;
    let order = body.into_order(partner_id)?;
    request.state().pace.turn(partner_id).await?;
    request.execute(order, None).await
}

/// Only partners submit over HTTP, with a key that may.
pub(super) fn submitting_partner(caller: &Caller) -> Result<PartnerId, Problem> {
    caller.require_scope(Scope::OrdersSubmit)?;
    let partner_id = caller.partner_id();
    partner_id.ok_or_else(|| Problem::forbidden("Only partners submit orders over HTTP"))
}
