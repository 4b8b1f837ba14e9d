//! What the asking operator has in hand, what waits longest first.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::ids::OperatorId;
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
    /// Orders on the page, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of an operator's work.
#[derive(Debug, Clone)]
pub struct MyWork {
    operator_id: OperatorId,
    limit: Limit,
    after: Option<Place>,
}

/// A page of the asking operator's work.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WorkPage {
    /// Orders in hand.
    pub orders: Vec<BoardRow>,
    /// Asks for the next page; absent from the last one.
    pub next_cursor: Option<String>,
    /// Every event up to here is in the page.
    pub position: Position,
    /// The page was true at this moment at the latest; the header `MES-As-Of` says until when it is known to hold.
    pub as_of: DateTime<Utc>,
}

impl MyWork {
    fn parse(params: Params, operator_id: OperatorId) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let after = params
            .cursor
            .map(|cursor| Place::from_cursor(&cursor, &name(operator_id)))
            .transpose()
            .map_err(|e| Problem::invalid_field("cursor", e.to_string()))?;
        Ok(Self { operator_id, limit, after })
    }
}

/// Cursors of a list are good for the list of this name only.
fn name(operator_id: OperatorId) -> String {
    format!("my-work|{operator_id}")
}

impl Question for MyWork {
    type Answer = Option<WorkPage>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let list = OrderList {
            view: self.view(),
            scope: Scope::All,
            status: None,
            operator: Some(self.operator_id),
            sorting: Sorting::Oldest,
            limit: self.limit,
            after: self.after,
        };
        let Snapshot { head, answer } = list.read(connection).await?;
        let page = WorkPage {
            orders: answer.orders,
            next_cursor: answer.last.map(|place| place.to_cursor(&name(self.operator_id))),
            position: head.position,
            as_of: head.as_of,
        };
        Ok(Snapshot { head, answer: Some(page) })
    }
}

impl Screen for MyWork {
    type Body = WorkPage;

    fn scope(&self) -> Scope {
        Scope::All
    }

    fn view(&self) -> View {
        View::Operator(self.operator_id)
    }

    fn filter(&self) -> String {
        let cursor = self.after.map(|place| place.to_cursor(&name(self.operator_id)));
        format!("my-work:{}:{}", self.limit.rows(), cursor.unwrap_or_default())
    }
}

/// What the asking operator has in hand.
#[utoipa::path(
    get, path = "/v1/my-work", operation_id = "my_work", tag = "board", params(Params),
    responses((status = 200, body = WorkPage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let Actor::Operator { operator_id, .. } = reader.caller.actor else {
        return Err(Problem::forbidden("Only operators have work in hand"));
    };
    let work = MyWork::parse(params.0, operator_id)?;
    context.show(&reader, &work).await
}
