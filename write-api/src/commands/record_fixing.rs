//! What a gram of a pure metal costs: from the feed, or from an administrator. Far from the price that holds, it waits
//! for a person.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::contracts::text::FixingSource;
use shared::metals::{GramPrice, Metal, Observation};
use shared::money::Currency;
use utoipa::ToSchema;

use crate::application::State;
use crate::context::CommandRequest;
use crate::store::{Command, CommandError, FixingAnswer, Handled, Work};

/// Somebody says what a metal costs.
#[derive(Debug, Clone)]
pub struct RecordFixing {
    /// What they say.
    pub observation: Observation,
}

impl Command for RecordFixing {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.record_fixing(&self.observation).await
    }
}

/// What a metal costs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordFixingBody {
    /// Which metal.
    pub metal: Metal,
    /// Minor units (kopecks, cents) a gram of the pure metal, as text.
    pub price_per_gram_minor: GramPrice,
    /// The currency of the rate cards.
    pub currency: Currency,
    /// Who says so: the exchange, the supplier.
    pub source: FixingSource,
    /// Since when it has been so; now when left out.
    pub observed_at: Option<DateTime<Utc>>,
}

/// Publishes the price of a metal. It holds at once, or waits for a confirmation when it jumps.
#[utoipa::path(
    post, path = "/v1/metal-fixings",
    operation_id = "record_fixing", tag = "administration", request_body = RecordFixingBody,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = FixingAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    request: CommandRequest,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Admin])?;
    let body: RecordFixingBody = request.body()?;
    let RecordFixingBody { metal, price_per_gram_minor: price, currency, source, observed_at } =
        body;
    let observed_at = observed_at.unwrap_or_else(|| state.store.clock().now());
    let observation = Observation { metal, price, currency, source, observed_at };
    request.execute(RecordFixing { observation }, None).await
}
