//! Whoever asked does not want to know any more; a calculation that was not begun is not made.

use ::web::{Problem, Role, Scope};
use actix_web::{HttpResponse, web};
use shared::ids::QuoteId;
use shared::quote::view::QuoteView;

use crate::context::CommandRequest;
use crate::store::{Command, CommandError, Handled, Work};

/// Nobody wants to know any more.
#[derive(Debug, Clone)]
pub struct CancelQuote {
    /// Which quote.
    pub quote_id: QuoteId,
}

impl Command for CancelQuote {
    async fn carry_out(&self, work: &mut Work<'_>) -> Result<Handled, CommandError> {
        work.cancel_quote(self.quote_id).await
    }
}

/// Calls a quote off.
#[utoipa::path(
    post, path = "/v1/quotes/{quote_id}/cancel",
    operation_id = "cancel_quote", tag = "quotes",
    params(("quote_id" = QuoteId, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = QuoteView), (status = "default", body = Problem)),
)]
pub async fn handler(
    request: CommandRequest,
    quote_id: web::Path<QuoteId>,
) -> Result<HttpResponse, Problem> {
    request.caller.require(&[Role::Seller, Role::Admin], Some(Scope::OrdersSubmit))?;
    request.execute(CancelQuote { quote_id: *quote_id }, None).await
}
