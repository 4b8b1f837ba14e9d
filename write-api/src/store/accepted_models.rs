//! Damaged models whose upper volume a person accepted.

use chrono::{DateTime, Utc};
use pricing::ENGINE_VERSION;
use pricing::analysis::{Analysis, Standing};
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use shared::ids::ModelId;
use shared::order::spec::Unit;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::{AnalysisKey, CommandError, Handled, Store, Work};

/// A model whose upper volume is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedModel {
    /// Which model.
    pub model_id: ModelId,
    /// Read in this unit.
    pub unit: Unit,
    /// As this engine measures it; another one asks again.
    pub engine_version: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub accepted_by: Actor,
    /// When.
    pub accepted_at: DateTime<Utc>,
}

impl Work<'_> {
    /// A person accepts the upper volume of a model. The first word stays.
    pub async fn accept_model(
        &mut self,
        key: &AnalysisKey,
        reason: &str,
    ) -> Result<Handled, CommandError> {
        self.require_model(&key.model_id).await?;
        let (store, connection, context) = self.parts();
        sqlx::query!(
            "INSERT INTO write.accepted_models
                 (model_id, unit, engine_version, reason, accepted_by, accepted_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            key.model_id.as_str(),
            key.unit_name(),
            ENGINE_VERSION,
            reason,
            Json(&context.actor) as _,
            store.clock().now(),
        )
        .execute(&mut *connection)
        .await?;
        let kept = sqlx::query!(
            r#"SELECT reason, accepted_by AS "accepted_by: Json<Actor>", accepted_at
               FROM write.accepted_models
               WHERE model_id = $1 AND unit = $2 AND engine_version = $3"#,
            key.model_id.as_str(),
            key.unit_name(),
            ENGINE_VERSION,
        )
        .fetch_one(connection)
        .await?;
        let accepted = AcceptedModel {
            model_id: key.model_id.clone(),
            unit: key.unit,
            engine_version: ENGINE_VERSION.to_owned(),
            reason: kept.reason,
            accepted_by: kept.accepted_by.0,
            accepted_at: kept.accepted_at,
        };
        self.answer(&accepted).await
    }
}

impl Store {
    /// Whether the model has bounds instead of a volume, and a person accepted the upper one.
    pub async fn volume_is_accepted(
        &self,
        key: &AnalysisKey,
        analysis: &Analysis,
    ) -> Result<bool, CommandError> {
        match analysis.standing() {
            Standing::Provisional { .. } => self.model_is_accepted(key).await,
            Standing::Exact | Standing::Refused { .. } => Ok(false),
        }
    }

    /// Whether a person accepted the upper volume that this engine measures.
    pub async fn model_is_accepted(&self, key: &AnalysisKey) -> Result<bool, CommandError> {
        let accepted = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                   SELECT 1 FROM write.accepted_models
                   WHERE model_id = $1 AND unit = $2 AND engine_version = $3
               ) AS "accepted!""#,
            key.model_id.as_str(),
            key.unit_name(),
            ENGINE_VERSION,
        );
        Ok(accepted.fetch_one(self.pool()).await?)
    }
}
