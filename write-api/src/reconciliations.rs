//! `POST /v1/reconciliations`: the shop, the CRM or a partner sends its list of orders as it believes them to be. It
//! streams into a table in batches; a consumer compares it with ours. Nothing is changed by it: sending again what
//! is behind is asked for by itself ([`crate::commands::redrive_list`]).

pub mod lines;

use ::web::{Caller, Problem, QueryParams, Role, Scope, body};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use lines::{BadLine, Format, Lines};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::ids::ReconciliationId;
use shared::reconciliation::{Line, Party};
use utoipa::ToSchema;

use crate::application::State;
use crate::context::idempotency_key;
use crate::store::{CommandError, ReconciliationStart};

/// A list has at most so many rows.
const MOST_ROWS: u64 = 1_000_000;
/// Rows written at once.
const BATCH: usize = 5_000;

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// Whose list it is. Systems send their own and need not say; administrators must.
    party: Option<Party>,
}

/// A list that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceivedList {
    /// Names it: the read API tells what is found.
    pub reconciliation_id: ReconciliationId,
    /// Whose it is.
    pub party: Party,
    /// Its rows.
    pub rows: u64,
    /// Whether the same list came before, under the same key.
    pub already_known: bool,
}

/// Takes a list of orders and their statuses in, to be compared with ours. The same key with the same list is the
/// same reconciliation.
#[utoipa::path(
    post, path = "/v1/reconciliations",
    operation_id = "reconcile", tag = "reconciliations",
    params(Params, ("Idempotency-Key" = String, Header)),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "Objects with `external_id`, `status` and, if known, `version` and `at`: one a line, as a JSON array \
                       (`application/json`), or as CSV with a line of names (`text/csv`). Up to 1,000,000"),
    responses((status = 202, body = ReceivedList), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    params: QueryParams<Params>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Admin], Some(Scope::OrdersRead))?;
    let party = party_of(&caller, params.0.party)?;
    let key = idempotency_key(&request)?;
    let mut lines = Lines::of(format_of(&request)?);
    let start = state.store.start_reconciliation(party, &key, &caller.actor).await?;
    let mut hash = Sha256::new();
    let (mut batch, mut written) = (Vec::with_capacity(BATCH), 0);
    let mut taken = async || -> Result<(), Problem> {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| body::from_payload_error(&error))?;
            hash.update(&chunk);
            lines.push(&chunk, &mut batch).map_err(|bad| problem(&bad))?;
            if batch.len() >= BATCH {
                written += keep(&state, &start, written, &mut batch).await?;
            }
            if lines.rows() > MOST_ROWS {
                return Err(too_many());
            }
        }
        lines.finish(&mut batch).map_err(|bad| problem(&bad))?;
        written += keep(&state, &start, written, &mut batch).await?;
        Ok(())
    };
    if let Err(problem) = taken().await {
        state.store.fail_reconciliation(&start).await?;
        return Err(problem);
    }
    let rows = lines.rows();
    state.store.finish_loading(&start, rows, &hash.finalize().into()).await?;
    let (reconciliation_id, already_known) = (start.id, start.is_known);
    let answer = ReceivedList { reconciliation_id, party, rows, already_known };
    Ok(HttpResponse::Accepted().json(answer))
}

/// Writes what is in hand, in pieces that one statement can take; of a list that came before nothing.
async fn keep(
    state: &State,
    start: &ReconciliationStart,
    before: i64,
    batch: &mut Vec<Line>,
) -> Result<i64, CommandError> {
    let mut written = 0;
    for part in batch.chunks(BATCH) {
        state.store.keep_lines(start, before + written, part).await?;
        written += i64::try_from(part.len()).unwrap_or(i64::MAX);
    }
    batch.clear();
    Ok(written)
}

fn party_of(caller: &Caller, asked: Option<Party>) -> Result<Party, Problem> {
    match (Party::of(&caller.actor), asked) {
        (Some(own), None) => Ok(own),
        (Some(own), Some(asked)) if own == asked => Ok(own),
        (Some(_), Some(_)) => Err(Problem::forbidden("The list of somebody else")),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Err(Problem::invalid_field("party", "needed: whose list is it?")),
    }
}

fn format_of(request: &HttpRequest) -> Result<Format, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match kind.unwrap_or_default().split(';').next().unwrap_or_default().trim() {
        "application/x-ndjson" | "application/jsonl" => Ok(Format::Ndjson),
        "application/json" => Ok(Format::Json),
        "text/csv" => Ok(Format::Csv),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "This kind of body is not understood",
        )
        .detail("Send application/x-ndjson, application/json or text/csv")),
    }
}

fn problem(bad: &BadLine) -> Problem {
    Problem::invalid_field(format!("/{}{}", bad.row - 1, bad.field), bad.to_string())
}

fn too_many() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The list is too long")
        .detail(format!("At most {MOST_ROWS} rows are accepted"))
        .with("limit_rows", MOST_ROWS)
}
