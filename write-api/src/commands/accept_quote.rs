//! A person of the house decides that a provisional price is good enough: it becomes an offer.

use ::web::{Problem, Role};
use actix_web::{HttpResponse, web};
use shared::ids::QuoteId;
use shared::quote::view::QuoteView;

use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// The provisional price will do.
#[derive(Debug, Clone)]
pub struct AcceptQuote {
    /// Which quote.
    pub quote_id: QuoteId,
}

impl Command for AcceptQuote {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.accept_quote(self.quote_id).await
    }
}

/// A person decides that a provisional price will do.
#[utoipa::path(
    post, path = "/v1/quotes/{quote_id}/accept",
    operation_id = "accept_quote", tag = "quotes",
    params(("quote_id" = QuoteId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = QuoteView), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    quote_id: web::Path<QuoteId>,
) -> Result<HttpResponse, Problem> {
    request.caller.require_role(&[Role::Seller, Role::Admin])?;
    request.execute(AcceptQuote { quote_id: *quote_id }, None).await
}
