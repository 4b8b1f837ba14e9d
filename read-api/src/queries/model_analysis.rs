//! What was measured of a model: every count behind its price, or why it has none.
//!
//! Whoever knows a model's id has the file: the id is the file's SHA-256. So there is nothing to keep from one
//! partner about another here.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::ids::ModelId;
use shared::order::spec::Unit;
use sqlx::PgConnection;
use sqlx::types::{Json, JsonRawValue};
use web::{Problem, QueryParams};

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::replicas::{AskError, Head, Question, Snapshot, Unreadable};

/// As it arrives.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// The unit that the model was, or is to be, ordered in.
    #[param(inline)]
    unit: Unit,
}

/// A model in a unit.
#[derive(Debug, Clone)]
pub struct ModelAnalysis {
    model_id: ModelId,
    unit: String,
}

/// What the newest engine that looked at the model found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AnalysisAnswer {
    /// The model.
    pub model_id: ModelId,
    /// The engine that measured.
    pub engine_version: String,
    /// `running`, `done` or `refused`.
    pub state: String,
    /// When it was measured.
    pub finished_at: Option<DateTime<Utc>>,
    /// `exact`, `provisional` with bounds of the volume, or `refused`, with the reason.
    #[schema(value_type = Option<Object>)]
    pub standing: Option<Box<JsonRawValue>>,
    /// Volume, area, box, counts of edges, shells and facets, warnings; lengths in mm.
    #[schema(value_type = Option<Object>)]
    pub analysis: Option<Box<JsonRawValue>>,
    /// What a caster would say about it.
    #[schema(value_type = Option<Object>)]
    pub report: Option<Box<JsonRawValue>>,
    /// Why the file cannot be measured: `code` and `reason`.
    #[schema(value_type = Option<Object>)]
    pub refusal: Option<Box<JsonRawValue>>,
}

impl Question for ModelAnalysis {
    type Answer = Option<AnalysisAnswer>;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        type Raw = Json<Box<JsonRawValue>>;
        let row = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at, a.engine_version AS "engine_version?",
                      a.state AS "state?", a.finished_at AS "finished_at?", a.standing AS "standing?: Raw",
                      a.analysis AS "analysis?: Raw", a.report AS "report?: Raw", a.refusal AS "refusal?: Raw"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT engine_version, state, finished_at, standing, analysis, report, refusal
                   FROM read.analyses WHERE model_id = $1 AND unit = $2
                   ORDER BY finished_at DESC NULLS FIRST LIMIT 1
               ) AS a ON true"#,
            self.model_id.as_str(),
            self.unit,
        )
        .fetch_optional(connection)
        .await?
        .ok_or_else(no_checkpoint)?;
        let head = Head::new(row.epoch, row.position, row.current_at, None)?;
        let raw = |json: Option<Raw>| json.map(|Json(raw)| raw);
        let answer =
            row.engine_version.zip(row.state).map(|(engine_version, state)| AnalysisAnswer {
                model_id: self.model_id.clone(),
                engine_version,
                state,
                finished_at: row.finished_at,
                standing: raw(row.standing),
                analysis: raw(row.analysis),
                report: raw(row.report),
                refusal: raw(row.refusal),
            });
        Ok(Snapshot { head, answer })
    }
}

/// What was measured of a model that somebody has asked a price of.
#[utoipa::path(
    get, path = "/v1/models/{model_id}/analysis", operation_id = "model_analysis", tag = "models",
    params(("model_id" = ModelId, Path), Params),
    responses((status = 200, body = AnalysisAnswer), (status = "default", body = Problem)),
)]
pub async fn handler(
    _reader: Reader,
    model_id: Path<ModelId>,
    QueryParams(Params { unit }): QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let question =
        ModelAnalysis { model_id: model_id.into_inner(), unit: unit.as_str().to_owned() };
    let unreadable = |error: Unreadable| Problem::from(&error);
    let reading = context.replicas.ask(&question, None).await.map_err(unreadable)?;
    let missing = "Nobody has asked for a price of this model in this unit";
    let answer = reading.snapshot.answer.ok_or_else(|| Problem::not_found(missing))?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-store")).json(answer))
}
