//! Messages that could not be applied at once: what waits, what is parked for a person, what became of them.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use sea_query::{
    Alias, Cond, Expr, ExprTrait, JoinType, Order as Direction, PostgresQueryBuilder, Query,
    SelectStatement,
};
use sea_query_sqlx::SqlxBinder;
use serde::{Deserialize, Serialize};
use shared::platform::database;
use shared::position::Position;
use sqlx::{FromRow, PgConnection, Row};
use web::{Problem, QueryParams, Role};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::page::{Limit, Mark};
use crate::replicas::{AskError, Head, Question, Snapshot};
use crate::tables::{Checkpoint, Messages, Schema};

const LONGEST_TEXT: usize = 200;

/// What a message that was not applied at once has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is tried again by itself.
    Waiting,
    /// It needs a person.
    Parked,
    /// It was applied after all.
    Applied,
    /// A person decided that it will never be applied.
    Discarded,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
        }
    }
}

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// In this state; parked if not said.
    #[param(inline)]
    state: Option<State>,
    /// Of this group.
    fingerprint: Option<String>,
    /// With this cause.
    reason_code: Option<String>,
    /// Sent by this source.
    source: Option<String>,
    /// Of this order, as messages call it (`shop:S-1`, or our id).
    order_key: Option<String>,
    /// Messages at most, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Some messages.
#[derive(Debug, Clone)]
pub struct MessageList {
    state: State,
    equal: Vec<(Messages, String)>,
    limit: Limit,
    before: Option<i64>,
    name: String,
}

/// A message, without its bytes.
#[derive(Debug, Clone, Serialize, FromRow, utoipa::ToSchema)]
pub struct MessageRow {
    /// Its number here.
    pub message_no: i64,
    /// What it has come to: `waiting`, `parked`, `applied` or `discarded`.
    pub state: String,
    /// Its group: the class of the error, the kind of the message, and the reason without particulars.
    pub fingerprint: String,
    /// The cause, for programs.
    pub reason_code: String,
    /// The cause, for people; may quote the message.
    pub reason: String,
    /// What it claims to be.
    pub kind: Option<String>,
    /// Who seems to have sent it.
    pub source: Option<String>,
    /// Its id, as its sender gave it.
    pub message_id: Option<String>,
    /// What it calls its order.
    pub order_key: Option<String>,
    /// Tries that came to an end.
    pub attempts: i32,
    /// How often the same message came.
    pub seen: i32,
    /// When it first came.
    pub received_at: DateTime<Utc>,
    /// When it last came.
    pub last_seen_at: DateTime<Utc>,
    /// When it will be tried again.
    pub next_attempt: Option<DateTime<Utc>>,
    /// When it was applied or discarded.
    pub settled_at: Option<DateTime<Utc>>,
}

/// A page of messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessagePage {
    /// The newest first.
    pub messages: Vec<MessageRow>,
    /// Names the next page, if there is one.
    pub next_cursor: Option<String>,
    /// The log's position that was visible beside them.
    pub position: Position,
}

impl MessageList {
    fn parse(params: Params) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let state = params.state.unwrap_or(State::Parked);
        let wanted = [
            ("fingerprint", Messages::Fingerprint, params.fingerprint),
            ("reason_code", Messages::ReasonCode, params.reason_code),
            ("source", Messages::Source, params.source),
            ("order_key", Messages::OrderKey, params.order_key),
        ];
        let mut equal = Vec::new();
        let mut name = format!("messages|{}", state.as_str());
        for (field, column, text) in wanted {
            let Some(text) = text else { continue };
            if text.len() > LONGEST_TEXT || text.contains('\0') {
                let message = format!("at most {LONGEST_TEXT} characters, none of them NUL");
                return Err(Problem::invalid_field(field, message));
            }
            name = format!("{name}|{field}={text}");
            equal.push((column, text));
        }
        let before = params.cursor.map(|cursor| Mark::from_cursor(&cursor, &name)).transpose();
        let before = before.map_err(|e| Problem::invalid_field("cursor", e.to_string()))?;
        Ok(Self { state, equal, limit, before: before.map(|mark| mark.0), name })
    }

    fn statement(&self) -> SelectStatement {
        let page = Alias::new("page");
        let mut whole = Query::select();
        whole
            .column((Checkpoint::Table, Checkpoint::Epoch))
            .column((Checkpoint::Table, Checkpoint::Position))
            .column((Checkpoint::Table, Checkpoint::CurrentAt));
        for column in Messages::ROW {
            whole.column((page.clone(), column));
        }
        whole
            .from((Schema::Read, Checkpoint::Table))
            .join_lateral(JoinType::LeftJoin, self.rows(), page.clone(), Cond::all())
            .order_by((page, Messages::MessageNo), Direction::Desc)
            .to_owned()
    }

    fn rows(&self) -> SelectStatement {
        let mut rows = Query::select();
        rows.columns(Messages::ROW)
            .from((Schema::Read, Messages::Table))
            .and_where(Expr::col(Messages::State).eq(self.state.as_str()))
            .order_by(Messages::MessageNo, Direction::Desc)
            .limit(self.limit.rows_and_one());
        for (column, text) in &self.equal {
            rows.and_where(Expr::col(*column).eq(text.as_str()));
        }
        if let Some(before) = self.before {
            rows.and_where(Expr::col(Messages::MessageNo).lt(before));
        }
        rows
    }
}

impl Question for MessageList {
    type Answer = MessagePage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let (sql, values) = self.statement().build_sqlx(PostgresQueryBuilder);
        let rows = sqlx::query_with(database::built(sql), values).fetch_all(connection).await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(
            first.try_get("epoch")?,
            first.try_get("position")?,
            first.try_get("current_at")?,
            None,
        )?;
        let mut messages = Vec::with_capacity(rows.len());
        for row in &rows {
            // A list without messages is one row, of the checkpoint alone.
            if row.try_get::<Option<i64>, _>("message_no")?.is_none() {
                break;
            }
            messages.push(MessageRow::from_row(row)?);
        }
        let more = messages.len() > self.limit.rows();
        messages.truncate(self.limit.rows());
        let last = messages.last().filter(|_| more);
        let next_cursor = last.map(|last| Mark(last.message_no).to_cursor(&self.name));
        Ok(Snapshot {
            head,
            answer: MessagePage { messages, next_cursor, position: head.position },
        })
    }
}

/// Messages that could not be applied at once, the newest first. For people of the office.
#[utoipa::path(
    get, path = "/v1/messages", operation_id = "message_list", tag = "messages", params(Params),
    responses((status = 200, body = MessagePage), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    reader.caller.require_role(&[Role::Seller, Role::Admin])?;
    context.answer(&reader, &MessageList::parse(params.0)?).await
}
