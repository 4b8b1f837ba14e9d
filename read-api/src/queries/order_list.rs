//! What the lists of orders have in common: the statement, sorted by when the present status began, and the page.

use sea_query::{
    Alias, Cond, Expr, ExprTrait, JoinType, Order as Direction, PostgresQueryBuilder, Query,
    SelectStatement,
};
use sea_query_sqlx::SqlxBinder;
use shared::ids::OperatorId;
use shared::order::{HEARTBEAT_PARTNER, Status};
use shared::platform::database;
use shared::views::BoardRow;
use sqlx::types::{Json, JsonRawValue};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::filter::{Scope, Sorting, View};
use crate::page::{Limit, Place};
use crate::replicas::{AskError, Head, Snapshot, order_from};
use crate::tables::{Checkpoint, Orders, Schema, Views};

/// Which orders, in which order, and how many of them.
#[derive(Debug, Clone)]
pub struct OrderList {
    /// The part of the read model that gives the list its version.
    pub view: View,
    pub scope: Scope,
    pub status: Option<Status>,
    pub operator: Option<OperatorId>,
    pub sorting: Sorting,
    pub limit: Limit,
    pub after: Option<Place>,
}

/// A page of it.
#[derive(Debug)]
pub struct Rows {
    pub orders: Vec<BoardRow>,
    /// Where the next page begins, if there is one.
    pub last: Option<Place>,
}

impl OrderList {
    /// Reads the page together with the checkpoint and the view's version, in one statement and so in one
    /// snapshot.
    pub async fn read(&self, connection: &mut PgConnection) -> Result<Snapshot<Rows>, AskError> {
        let (sql, values) = self.statement().build_sqlx(PostgresQueryBuilder);
        let rows = sqlx::query_with(database::built(sql), values).fetch_all(connection).await?;
        let Some(first) = rows.first() else { return Err(no_checkpoint()) };
        let head = Head::new(
            first.try_get("epoch")?,
            first.try_get("position")?,
            first.try_get("current_at")?,
            first.try_get("version")?,
        )?;
        let mut orders = Vec::with_capacity(rows.len());
        for row in &rows {
            // A list without orders is one row, of the checkpoint alone.
            let Some(order_id) = row.try_get::<Option<Uuid>, _>("order_id")? else { break };
            let Json(state): Json<&JsonRawValue> = row.try_get("state")?;
            orders.push(BoardRow::from(&order_from(order_id, state)?));
        }
        Ok(Snapshot { head, answer: self.page(orders) })
    }

    fn page(&self, mut orders: Vec<BoardRow>) -> Rows {
        let more = orders.len() > self.limit.rows();
        orders.truncate(self.limit.rows());
        let last = orders
            .last()
            .filter(|_| more)
            .map(|row| Place { status_since: row.status_since, order_id: row.order_id });
        Rows { orders, last }
    }

    fn statement(&self) -> SelectStatement {
        let page = Alias::new("page");
        let direction = self.direction();
        Query::select()
            .column((Checkpoint::Table, Checkpoint::Epoch))
            .column((Checkpoint::Table, Checkpoint::Position))
            .column((Checkpoint::Table, Checkpoint::CurrentAt))
            .column((Views::Table, Views::Version))
            .column((page.clone(), Orders::OrderId))
            .column((page.clone(), Orders::State))
            .from((Schema::Read, Checkpoint::Table))
            .join(
                JoinType::LeftJoin,
                (Schema::Read, Views::Table),
                Expr::col((Views::Table, Views::View)).eq(self.view.to_string()),
            )
            .join_lateral(JoinType::LeftJoin, self.rows(), page.clone(), Cond::all())
            .order_by((page.clone(), Orders::StatusSince), direction.clone())
            .order_by((page, Orders::OrderId), direction)
            .to_owned()
    }

    fn rows(&self) -> SelectStatement {
        let mut rows = Query::select();
        rows.columns([Orders::OrderId, Orders::StatusSince, Orders::State])
            .from((Schema::Read, Orders::Table))
            .order_by(Orders::StatusSince, self.direction())
            .order_by(Orders::OrderId, self.direction())
            .limit(self.limit.rows_and_one());
        if let Some(status) = self.status {
            rows.and_where(Expr::col(Orders::Status).eq(status.as_str()));
        }
        if let Some(partner_id) = self.scope.partner() {
            rows.and_where(Expr::col(Orders::PartnerId).eq(partner_id.as_uuid()));
        } else {
            // The heartbeat's orders are nobody's work.
            let partner = || Expr::col(Orders::PartnerId);
            rows.and_where(partner().is_null().or(partner().ne(HEARTBEAT_PARTNER.as_uuid())));
        }
        if let Some(operator_id) = self.operator {
            rows.and_where(Expr::col(Orders::OperatorId).eq(operator_id.as_uuid()));
        }
        if let Some(Place { status_since, order_id }) = self.after {
            let row = Expr::tuple([Expr::col(Orders::StatusSince), Expr::col(Orders::OrderId)]);
            let last = Expr::tuple([Expr::val(status_since), Expr::val(order_id.as_uuid())]);
            rows.and_where(match self.sorting {
                Sorting::Newest => row.lt(last),
                Sorting::Oldest => row.gt(last),
            });
        }
        rows
    }

    const fn direction(&self) -> Direction {
        match self.sorting {
            Sorting::Newest => Direction::Desc,
            Sorting::Oldest => Direction::Asc,
        }
    }
}

/// A read model without its one checkpoint row cannot have been made by the migrations.
pub fn no_checkpoint() -> AskError {
    AskError::Damaged {
        table: "read.checkpoint",
        row: "singleton".to_owned(),
        what: "is missing".to_owned(),
    }
}
