//! "What would this cost?" The rough price is the answer; the exact one follows, or comes with the answer to whoever
//! is ready to wait for it.

use std::time::Duration;

use ::web::{Problem, Role, Scope};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::{Deserialize, Serialize};
use shared::ids::ModelId;
use shared::order::spec::{Quantity, RateCardKey, StoneSettings, Unit, WorkSpec};
use shared::quote::decisions::{Calculation, Request};
use shared::quote::view::QuoteView;
use shared::quote::{Requester, RoughPrice};
use utoipa::ToSchema;

use super::text::ExternalId;
use crate::context::CommandRequest;
use crate::models::outside::Unpriceable;
use crate::store::{Command, CommandError, Estimate, Handled, Store, Work};

/// Nobody waits longer for an exact price.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// "What would this cost?" The pricing job is created in the same transaction.
#[derive(Debug, Clone)]
pub struct RequestQuote {
    /// Who asks, what they call it, and the price of what.
    pub request: Request,
    /// About what it will cost, as far as that can be said at once, or why it cannot cost anything.
    pub rough: Result<Option<RoughPrice>, Unpriceable>,
    /// The exact answer, if the model was measured before.
    pub known: Option<Calculation>,
}

impl RequestQuote {
    /// The question with what can be said of it at once, looked up before the command's transaction begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prepare(store: &Store, request: Request) -> Result<Self, CommandError> {
        let Estimate { rough, known } = store.estimate(&request.spec).await?;
        Ok(Self { request, rough, known })
    }
}

impl Command for RequestQuote {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        let rough = self.rough.clone()?;
        work.request_quote(self.request.clone(), rough, self.known.clone()).await
    }
}

/// A question what something would cost.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteBody {
    /// What the caller calls it; unique among the caller's quotes, for ever. The same question again is the same quote.
    pub reference: Option<ExternalId>,
    /// A model that was uploaded before.
    pub model_id: ModelId,
    /// The unit of the model's numbers; `file` when the file itself says it.
    pub unit: Unit,
    /// A material of the rate card.
    pub material: RateCardKey,
    /// A finish of the rate card.
    pub finish: RateCardKey,
    /// Pieces.
    pub quantity: Quantity,
    /// Sooner than usual, for the rate card's surcharge.
    #[serde(default)]
    pub rush: bool,
    /// Stones that are set into each piece.
    #[serde(default)]
    pub settings: StoneSettings,
}

/// Asks what something would cost. The answer has the rough price at once: 202 while the exact price is being made,
/// 201 when it is in the answer. `Prefer: wait=N` (seconds, at most 30) waits for the exact price.
#[utoipa::path(
    post, path = "/v1/quotes",
    operation_id = "request_quote", tag = "quotes", request_body = QuoteBody,
    params(
        ("Idempotency-Key" = String, Header),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the exact price is known, after N seconds at most"),
    ),
    responses(
        (status = 201, body = QuoteView), (status = 202, body = QuoteView),
        (status = "default", body = Problem),
    ),
)]
pub async fn handler(request: CommandRequest) -> Result<HttpResponse, Problem> {
    let caller = &request.caller;
    caller.require(&[Role::Seller, Role::Admin], Some(Scope::OrdersSubmit))?;
    let requester = Requester::of(&caller.actor);
    let requester = requester.ok_or_else(|| Problem::forbidden("The caller asks for no prices"))?;
    let QuoteBody { reference, model_id, unit, material, finish, quantity, rush, settings } =
        request.body()?;
    let spec = WorkSpec { model_id, unit, material, finish, quantity, rush, settings };
    let reference = reference.map(String::from);
    let (wait, state) = (request.preferred_wait(), request.state());
    let request_of_it = Request { requester, reference, spec };
    let command = RequestQuote::prepare(&state.store, request_of_it).await?;
    let handled = request.carry_out(command, None).await?;
    let quote: QuoteView = handled.parse().map_err(|error| Problem::internal(&error))?;
    let awaited = match wait.filter(|_| quote.state == "requested") {
        Some(wait) => state.waiters.settled(quote.quote_id, wait).await.map(|s| (s, wait)),
        None => None,
    };
    let Some((settled, wait)) = awaited else {
        return Ok(answer(&quote, handled.replayed).body(handled.answer.get().to_owned()));
    };
    let now = state.store.clock().now();
    let quote = settled.map_or(quote, |settled| QuoteView::of(&settled, now));
    let mut answer = answer(&quote, handled.replayed);
    answer.insert_header(("preference-applied", format!("wait={}", wait.as_secs())));
    Ok(answer.json(quote))
}

fn answer(quote: &QuoteView, replayed: bool) -> HttpResponseBuilder {
    let is_settled = quote.state != "requested";
    let status = if is_settled { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::LOCATION, quote.links.this.clone()));
    answer.insert_header(header::ContentType::json());
    if replayed {
        answer.insert_header(("idempotent-replayed", "true"));
    }
    answer
}

/// How long the caller would wait, if they say so in a way that is understood: a preference is never an error.
pub fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|list| list.split(','));
    let seconds = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        is_wait.then(|| value.trim().trim_matches('"').parse::<u32>().ok())?
    });
    let wait = seconds.map(|seconds| Duration::from_secs(seconds.into())).next()?;
    (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(value: &'static str) -> Option<u64> {
        let name = HeaderName::from_static("prefer");
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        preferred_wait(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_preference_that_is_not_understood_is_no_error() {
        assert_eq!(wait("wait=5"), Some(5));
        assert_eq!(wait("respond-async, WAIT = \"7\"; x=1"), Some(7));
        assert_eq!(wait("wait=3600"), Some(30));
        for strange in ["wait", "wait=", "wait=soon", "wait=-1", "wait=0", "handling=lenient", ""] {
            assert_eq!(wait(strange), None, "{strange}");
        }
    }
}
