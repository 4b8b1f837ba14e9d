//! `POST /v1/rate-cards`: a new price book, in force from a given moment.

use ::web::{Caller, Detached, JsonBody, Problem, Role};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use pricing::rate_card::RateCard;
use serde::{Deserialize, Serialize};
use shared::actor::Actor;
use sqlx::types::Json;
use utoipa::ToSchema;

use crate::application::State;
use crate::store::{CommandError, Store};

/// A price book to be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishRateCard {
    /// From when on it is in force; at once when left out.
    pub valid_from: Option<DateTime<Utc>>,
    /// Metals, finishes, machine rates, quantity breaks, minima, tax and rounding. Materials, finishes and settings may
    /// have `names`, such as `{"ru": "Полировка", "en": "Polished"}`, for people; their `id` is what orders use.
    #[schema(value_type = Object)]
    pub rate_card: RateCard,
}

/// A published price book.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PublishedRateCard {
    /// Kept with every price that is made with it.
    pub version: i64,
    /// From when on it is in force.
    pub valid_from: DateTime<Utc>,
}

/// Publishes a price book. Older ones stay, because prices name them.
#[utoipa::path(
    post, path = "/v1/rate-cards",
    operation_id = "publish_rate_card", tag = "administration", request_body = PublishRateCard,
    responses((status = 201, description = "Published", body = PublishedRateCard), (status = "default", body = Problem)),
)]
pub async fn handler(
    state: web::Data<State>,
    caller: Caller,
    detached: Detached,
    body: JsonBody<PublishRateCard>,
) -> Result<HttpResponse, Problem> {
    caller.require_role(&[Role::Admin])?;
    let PublishRateCard { valid_from, rate_card } = body.into_inner();
    rate_card
        .validate()
        .map_err(|error| Problem::invalid_field(pointer(&error.field), error.problem))?;
    let valid_from = valid_from.unwrap_or_else(|| state.store.clock().now());
    let store = state.store.clone();
    let save = async move { save(&store, rate_card, valid_from, caller.actor).await };
    Ok(HttpResponse::Created().json(detached.run(save).await?))
}

/// `materials[2].density_g_cm3` as a JSON Pointer into the body.
fn pointer(field: &str) -> String {
    format!("/rate_card/{}", field.replace(['.', '['], "/").replace(']', ""))
}

async fn save(
    store: &Store,
    mut rate_card: RateCard,
    valid_from: DateTime<Utc>,
    by: Actor,
) -> Result<PublishedRateCard, CommandError> {
    // Beside the document: see the migration that added the column.
    let names = rate_card.take_names();
    let version = sqlx::query_scalar!(
        "INSERT INTO write.rate_cards (document, names, valid_from, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5) RETURNING version",
        Json(rate_card) as _,
        Json(names) as _,
        valid_from,
        Json(by) as _,
        store.clock().now(),
    )
    .fetch_one(store.pool())
    .await?;
    Ok(PublishedRateCard { version, valid_from })
}
