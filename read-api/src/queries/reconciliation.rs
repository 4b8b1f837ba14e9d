//! What was found when somebody's list of orders was compared with ours: lists, one list, and its rows.
//!
//! Like quotes they are seen through views; one that a replica does not have yet is looked for on the primary.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::ids::{OrderId, ReconciliationId};
use shared::position::Position;
use shared::reconciliation::Party;
use sqlx::PgConnection;
use sqlx::types::Json;
use web::{Problem, QueryParams, Role};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::page::{Limit, Mark};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// Lists that are shown.
const MOST_LISTS: i64 = 100;

/// What was found of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An open order of ours that is not in the list.
    Missing,
    /// We know no such order of theirs.
    Unknown,
    /// They do not know our last events.
    Behind,
    /// The same name stands earlier in the list.
    Duplicated,
    /// They believe what never was.
    Ahead,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Behind => "behind",
            Self::Duplicated => "duplicated",
            Self::Ahead => "ahead",
        }
    }
}

/// A compared list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ComparedList {
    /// Names it.
    pub reconciliation_id: ReconciliationId,
    /// Whose list it was.
    pub party: Party,
    /// `loading`, `comparing`, `done` or `failed`.
    pub state: String,
    /// Who sent it.
    pub created_by: Actor,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When all was compared.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its rows.
    pub rows: i64,
    /// What was found, when it is done.
    pub counts: Option<RowCounts>,
}

/// How many rows of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct RowCounts {
    /// They know what we told them.
    pub same: i64,
    /// Open orders of ours that are not in the list.
    pub missing: i64,
    /// Orders of theirs that we do not know.
    pub unknown: i64,
    /// They do not know our last events.
    pub behind: i64,
    /// Names that stand earlier in the list.
    pub duplicated: i64,
    /// They believe what never was.
    pub ahead: i64,
}

/// The newest lists.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReconciliationPage {
    /// The newest first.
    pub reconciliations: Vec<ComparedList>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// The log's position that was visible beside them.
    pub position: Position,
}

/// A row that calls for attention.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FoundRow {
    /// Its number in the list; of a missing order one behind its end.
    pub row: i64,
    /// What was found.
    pub kind: String,
    /// What they call the order.
    pub external_id: String,
    /// Which status they believe it to have.
    pub status: Option<String>,
    /// Of which version they heard last.
    pub version: Option<i64>,
    /// Our order.
    pub order_id: Option<OrderId>,
    /// Its status when it was compared.
    pub our_status: Option<String>,
    /// Its version when it was compared.
    pub our_version: Option<i64>,
    /// When its events were sent again.
    pub resent_at: Option<DateTime<Utc>>,
}

/// A page of rows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FoundPage {
    /// As in the list; those that are as they should be are left out.
    pub rows: Vec<FoundRow>,
    /// Names the next page, if there is one.
    pub next_cursor: Option<String>,
    /// The log's position that was visible beside them.
    pub position: Position,
}

/// Lists that a caller may see: one, or the newest.
#[derive(Debug, Clone)]
struct Lists {
    party: Option<Party>,
    id: Option<ReconciliationId>,
}

impl Question for Lists {
    type Answer = ReconciliationPage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, r.reconciliation_id AS "id?", r.party AS "party?",
                      r.state AS "state?", r.created_by AS "created_by?: Json<Actor>",
                      r.created_at AS "created_at?", r.finished_at, r.row_count AS "row_count?",
                      r.counts AS "counts?: Json<RowCounts>"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT f.reconciliation_id, f.party, f.state, f.created_by, f.created_at,
                          f.finished_at, f.row_count, f.counts
                   FROM read.reconciliations AS f
                   WHERE ($1::text IS NULL OR f.party = $1)
                     AND ($2::uuid IS NULL OR f.reconciliation_id = $2)
                   ORDER BY f.created_at DESC LIMIT $3
               ) AS r ON true
               ORDER BY r.created_at DESC"#,
            self.party.map(|party| party.to_string()),
            self.id.map(|id| id.as_uuid()),
            MOST_LISTS + 1,
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let mut reconciliations: Vec<ComparedList> = rows
            .into_iter()
            .filter_map(|row| {
                Some(ComparedList {
                    reconciliation_id: ReconciliationId::new(row.id?),
                    party: row.party?.parse().ok()?,
                    state: row.state?,
                    created_by: row.created_by?.0,
                    created_at: row.created_at?,
                    finished_at: row.finished_at,
                    rows: row.row_count?,
                    counts: row.counts.map(|counts| counts.0),
                })
            })
            .collect();
        let most = usize::try_from(MOST_LISTS).unwrap_or(usize::MAX);
        let has_more = reconciliations.len() > most;
        reconciliations.truncate(most);
        let position = head.position;
        Ok(Snapshot { head, answer: ReconciliationPage { reconciliations, has_more, position } })
    }
}

/// Of which rows, as it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Only rows of this kind.
    #[param(inline)]
    kind: Option<Kind>,
    /// Rows at most, 1 to 200; 50 if not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Rows of one list.
#[derive(Debug, Clone)]
struct FoundRows {
    id: ReconciliationId,
    kinds: Vec<String>,
    limit: Limit,
    after: i64,
    name: String,
}

impl FoundRows {
    fn parse(id: ReconciliationId, params: Params) -> Result<Self, Problem> {
        let limit = Limit::parse(params.limit)
            .map_err(|e| Problem::invalid_field("limit", e.to_string()))?;
        let all = [Kind::Missing, Kind::Unknown, Kind::Behind, Kind::Duplicated, Kind::Ahead];
        let wanted = all.into_iter().filter(|kind| params.kind.is_none_or(|only| only == *kind));
        let kinds: Vec<String> = wanted.map(|kind| kind.as_str().to_owned()).collect();
        let name = format!("reconciliation|{id}|{}", kinds.join(","));
        let after = params.cursor.map(|cursor| Mark::from_cursor(&cursor, &name)).transpose();
        let after = after.map_err(|e| Problem::invalid_field("cursor", e.to_string()))?;
        Ok(Self { id, kinds, limit, after: after.map_or(0, |mark| mark.0), name })
    }
}

impl Question for FoundRows {
    type Answer = FoundPage;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, r.row_no AS "row_no?", r.kind,
                      r.external_id AS "external_id?", r.status, r.version, r.order_id, r.our_status,
                      r.our_version, r.resent_at
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT f.row_no, f.kind, f.external_id, f.status, f.version, f.order_id,
                          f.our_status, f.our_version, f.resent_at
                   FROM read.reconciliation_rows AS f
                   WHERE f.reconciliation_id = $1 AND f.kind = ANY($2) AND f.kind <> 'same'
                     AND f.row_no > $3
                   ORDER BY f.row_no LIMIT $4
               ) AS r ON true
               ORDER BY r.row_no"#,
            self.id.as_uuid(),
            &self.kinds,
            self.after,
            i64::try_from(self.limit.rows_and_one()).unwrap_or(i64::MAX),
        )
        .fetch_all(connection)
        .await?;
        let first = rows.first().ok_or_else(no_checkpoint)?;
        let head = Head::new(first.epoch, first.position, first.current_at, None)?;
        let mut found: Vec<FoundRow> = rows
            .into_iter()
            .filter_map(|row| {
                Some(FoundRow {
                    row: row.row_no?,
                    kind: row.kind?,
                    external_id: row.external_id?,
                    status: row.status,
                    version: row.version,
                    order_id: row.order_id.map(OrderId::new),
                    our_status: row.our_status,
                    our_version: row.our_version,
                    resent_at: row.resent_at,
                })
            })
            .collect();
        let more = found.len() > self.limit.rows();
        found.truncate(self.limit.rows());
        let last = found.last().filter(|_| more);
        let next_cursor = last.map(|last| Mark(last.row).to_cursor(&self.name));
        let position = head.position;
        Ok(Snapshot { head, answer: FoundPage { rows: found, next_cursor, position } })
    }
}

/// People of the office see all lists, a system its own.
fn whose(reader: &Reader) -> Result<Option<Party>, Problem> {
    match Party::of(&reader.caller.actor) {
        Some(own) => Ok(Some(own)),
        None => reader.caller.require_role(&[Role::Seller, Role::Admin]).map(|()| None),
    }
}

async fn find(
    context: &Context,
    reader: &Reader,
    id: ReconciliationId,
) -> Result<ComparedList, Problem> {
    let question = Lists { party: whose(reader)?, id: Some(id) };
    let unreadable = |error| Problem::from(&error);
    let mut reading = context.replicas.ask(&question, None).await.map_err(unreadable)?;
    let mut found = reading.snapshot.answer.reconciliations.pop();
    if found.is_none() {
        let reading = context.replicas.ask_primary(&question, None).await.map_err(unreadable)?;
        found = reading.and_then(|mut reading| reading.snapshot.answer.reconciliations.pop());
    }
    found.ok_or_else(|| Problem::not_found("There is no such reconciliation of yours"))
}

/// Lists that were compared, the newest first. Systems see their own.
#[utoipa::path(
    get, path = "/v1/reconciliations", operation_id = "reconciliation_list", tag = "reconciliations",
    responses((status = 200, body = ReconciliationPage), (status = "default", body = Problem)),
)]
pub async fn list(reader: Reader, context: Data<Context>) -> Result<HttpResponse, Problem> {
    let question = Lists { party: whose(&reader)?, id: None };
    context.answer(&reader, &question).await
}

/// One list, and what was found.
#[utoipa::path(
    get, path = "/v1/reconciliations/{reconciliation_id}", operation_id = "reconciliation",
    tag = "reconciliations", params(("reconciliation_id" = ReconciliationId, Path)),
    responses((status = 200, body = ComparedList), (status = "default", body = Problem)),
)]
pub async fn handler(
    reader: Reader,
    id: Path<ReconciliationId>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let found = find(&context, &reader, *id).await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(found))
}

/// Rows of a list that are not as they should be.
#[utoipa::path(
    get, path = "/v1/reconciliations/{reconciliation_id}/rows", operation_id = "reconciliation_rows",
    tag = "reconciliations", params(Params, ("reconciliation_id" = ReconciliationId, Path)),
    responses((status = 200, body = FoundPage), (status = "default", body = Problem)),
)]
pub async fn rows(
    reader: Reader,
    id: Path<ReconciliationId>,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    find(&context, &reader, *id).await?;
    context.answer(&reader, &FoundRows::parse(*id, params.0)?).await
}
