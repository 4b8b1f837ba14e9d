//! The board: the orders of one status, newest or oldest first.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::order::Status;
use shared::position::Position;
use shared::views::BoardRow;
use sqlx::PgConnection;
use web::{Problem, QueryParams};

use super::order_list::OrderList;
use crate::context::{Context, Reader, Screen};
use crate::filter::{Scope, Sorting, View};
use crate::page::{Limit, Place};
use crate::replicas::{AskError, Question, Snapshot};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Which column of the board.
    status: Status,
    /// Which end comes first; the newest if not said.
    #[serde(default)]
    order: Sorting,
    /// Orders on the page, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of one column.
#[derive(Debug, Clone)]
pub struct OrderBoard {
    scope: Scope,
    status: Status,
    sorting: Sorting,
    limit: Limit,
    after: Option<Place>,
}

/// A page of the board.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BoardPage {
    /// Which column.
    pub status: Status,
    /// Its orders.
    pub orders: Vec<BoardRow>,
    /// Asks for the next page; absent from the last one.
    pub next_cursor: Option<String>,
    /// Every event up to here is in the page.
    pub position: Position,
    /// The page was true at this moment at the latest; the header `MES-As-Of` says until when it is known to hold.
    pub as_of: DateTime<Utc>,
}

impl OrderBoard {
    fn parse(params: Params, scope: Scope) -> Result<Self, Problem> {
        let Params { status, order: sorting, limit, cursor } = params;
        let limit =
            Limit::parse(limit).map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let list = name(scope, status, sorting);
        let after = cursor
            .map(|cursor| Place::from_cursor(&cursor, &list))
            .transpose()
            .map_err(|e| Problem::invalid_field("cursor", e.to_string()))?;
        Ok(Self { scope, status, sorting, limit, after })
    }

    fn list(&self) -> OrderList {
        OrderList {
            view: self.view(),
            scope: self.scope,
            status: Some(self.status),
            operator: None,
            sorting: self.sorting,
            limit: self.limit,
            after: self.after,
        }
    }
}

/// Cursors of a list are good for the list of this name only.
fn name(scope: Scope, status: Status, sorting: Sorting) -> String {
    format!("board|{scope}|{status}|{}", sorting.as_str())
}

impl Question for OrderBoard {
    type Answer = Option<BoardPage>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let Snapshot { head, answer } = self.list().read(connection).await?;
        let list = name(self.scope, self.status, self.sorting);
        let page = BoardPage {
            status: self.status,
            orders: answer.orders,
            next_cursor: answer.last.map(|place| place.to_cursor(&list)),
            position: head.position,
            as_of: head.as_of,
        };
        Ok(Snapshot { head, answer: Some(page) })
    }
}

impl Screen for OrderBoard {
    type Body = BoardPage;

    fn scope(&self) -> Scope {
        self.scope
    }

    /// A partner's orders have one version for all their statuses.
    fn view(&self) -> View {
        match self.scope {
            Scope::All => View::Status(self.status),
            Scope::Partner(partner_id) => View::Partner(partner_id),
        }
    }

    fn filter(&self) -> String {
        let list = name(self.scope, self.status, self.sorting);
        let cursor = self.after.map(|place| place.to_cursor(&list)).unwrap_or_default();
        format!("board:{}:{}:{}:{cursor}", self.status, self.sorting.as_str(), self.limit.rows())
    }
}

/// The orders of one status, a page at a time.
#[utoipa::path(
    get, path = "/v1/board", operation_id = "order_board", tag = "board", params(Params),
    responses((status = 200, body = BoardPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let board = OrderBoard::parse(params.0, reader.scope)?;
    context.show(&reader, &board).await
}
