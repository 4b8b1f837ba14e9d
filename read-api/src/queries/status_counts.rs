//! How many orders there are in each status. Maintained with the rows, never counted on request.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::order::Status;
use shared::position::Position;
use sqlx::PgConnection;
use web::Problem;

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader, Screen};
use crate::filter::{Scope, View};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// The counts of a scope.
#[derive(Debug, Clone, Copy)]
pub struct StatusCounts {
    pub scope: Scope,
}

/// How many orders there are in each status.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "the field's name is the API's")]
pub struct Counts {
    /// Every status, also those without orders, in the order of an order's life.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub counts: BTreeMap<Status, u64>,
    /// Every event up to here is counted.
    pub position: Position,
    /// The counts were true at this moment at the latest; the header `MES-As-Of` says until when they are known to hold.
    pub as_of: DateTime<Utc>,
}

impl Question for StatusCounts {
    type Answer = Option<Counts>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, v.version AS "version?",
                      n.status AS "status?", n.orders AS "orders?"
               FROM read.checkpoint AS c
               LEFT JOIN read.views AS v ON v.view = $1
               LEFT JOIN read.status_counts AS n ON n.scope = $2"#,
            self.view().to_string(),
            self.scope.to_string(),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, first.version)?;
        let mut counts: BTreeMap<Status, u64> = Status::ALL.map(|status| (status, 0)).into();
        for row in rows {
            if let (Some(status), Some(orders)) = (row.status, row.orders) {
                counts.insert(status_from(&status)?, u64::try_from(orders).unwrap_or(0));
            }
        }
        let answer = Counts { counts, position: head.position, as_of: head.as_of };
        Ok(Snapshot { head, answer: Some(answer) })
    }
}

fn status_from(text: &str) -> Result<Status, AskError> {
    text.parse().map_err(|error: shared::order::status::NotAStatus| AskError::Damaged {
        table: "read.status_counts",
        row: text.to_owned(),
        what: error.to_string(),
    })
}

impl Screen for StatusCounts {
    type Body = Counts;

    fn scope(&self) -> Scope {
        self.scope
    }

    fn view(&self) -> View {
        View::Counts(self.scope)
    }

    fn filter(&self) -> String {
        "counts".to_owned()
    }
}

/// How many orders there are in each status.
#[utoipa::path(
    get, path = "/v1/board/counts", operation_id = "status_counts", tag = "board",
    responses((status = 200, body = Counts), (status = "default", body = Problem)),
)]
pub async fn handler(reader: Reader, context: Data<Context>) -> Result<HttpResponse, Problem> {
    context.show(&reader, &StatusCounts { scope: reader.scope }).await
}
