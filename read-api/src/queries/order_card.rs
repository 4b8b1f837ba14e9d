//! An order on its card: everything that a person who may see it wants to know.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::ids::OrderId;
use shared::position::Position;
use shared::views::OrderView;
use sqlx::PgConnection;
use sqlx::types::{Json, JsonRawValue};
use web::Problem;

use crate::context::{Context, Reader, Screen};
use crate::filter::{Scope, View};
use crate::replicas::{AskError, Head, Question, Snapshot, order_from};

/// The card of one order.
#[derive(Debug, Clone, Copy)]
pub struct OrderCard {
    pub scope: Scope,
    pub order_id: OrderId,
}

/// An order's card.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Card {
    /// The order.
    pub order: OrderView,
    /// Every event up to here is in the card.
    pub position: Position,
    /// The card was true at this moment at the latest; the header `MES-As-Of` says until when it is known to hold.
    pub as_of: DateTime<Utc>,
}

impl Question for OrderCard {
    type Answer = Option<Card>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let row = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, o.position AS "version?",
                      o.state AS "state?: Json<Box<JsonRawValue>>"
               FROM read.checkpoint AS c
               LEFT JOIN read.orders AS o
                 ON o.order_id = $1 AND ($2::uuid IS NULL OR o.partner_id = $2)"#,
            self.order_id.as_uuid(),
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
        )
        .fetch_one(connection)
        .await?;
        let head = Head::new(row.epoch, row.position, row.current_at, row.version)?;
        let Some(Json(state)) = row.state else { return Ok(Snapshot { head, answer: None }) };
        let order = OrderView::from(&order_from(self.order_id.as_uuid(), &state)?);
        let card = Card { order, position: head.position, as_of: head.as_of };
        Ok(Snapshot { head, answer: Some(card) })
    }
}

impl Screen for OrderCard {
    type Body = Card;

    fn scope(&self) -> Scope {
        self.scope
    }

    fn view(&self) -> View {
        View::Order(self.order_id)
    }

    fn filter(&self) -> String {
        "card".to_owned()
    }
}

/// One order, with everything that is true of it now.
#[utoipa::path(
    get, path = "/v1/orders/{order_id}", operation_id = "order_card", tag = "orders",
    params(("order_id" = OrderId, Path)),
    responses((status = 200, body = Card), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    order_id: Path<OrderId>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let card = OrderCard { scope: reader.scope, order_id: *order_id };
    context.show(&reader, &card).await
}
