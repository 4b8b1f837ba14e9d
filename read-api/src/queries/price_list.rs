//! What can be ordered: materials, finishes and settings of the rate card in force, with what people call them.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::clock::{Clock, SystemClock};
use shared::position::Position;
use sqlx::PgConnection;
use sqlx::types::Json;
use web::Problem;

use super::order_list::no_checkpoint;
use crate::context::{Context, Reader};
use crate::replicas::{AskError, Head, Question, Snapshot};

/// The card in force at a moment.
#[derive(Debug, Clone, Copy)]
pub struct PriceListAt(DateTime<Utc>);

/// What people call something.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Names {
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
}

/// A material that can be ordered.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MaterialChoice {
    /// What orders call it.
    pub id: String,
    /// `metal`, `resin` or `nylon`.
    pub kind: String,
    /// What people call it; by its id where the card does not say.
    pub names: Option<Names>,
}

/// A finish that can be ordered.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FinishChoice {
    /// What orders call it.
    pub id: String,
    /// The kinds of material it is for; all when empty.
    pub only_for: Vec<String>,
    /// What people call it; by its id where the card does not say.
    pub names: Option<Names>,
}

/// A way of setting stones that can be ordered.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SettingChoice {
    /// What orders call it.
    pub id: String,
    /// What people call it; by its id where the card does not say.
    pub names: Option<Names>,
}

/// What can be ordered. At most 1000 of each, as many as a card may have.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PriceList {
    /// The rate card in force; nothing before the first one was published.
    pub rate_card_version: Option<i64>,
    /// Since when it has been in force.
    pub valid_from: Option<DateTime<Utc>>,
    /// In the card's order.
    pub materials: Vec<MaterialChoice>,
    /// In the card's order.
    pub finishes: Vec<FinishChoice>,
    /// In the card's order.
    pub settings: Vec<SettingChoice>,
    /// Whether it can be had sooner, for more.
    pub has_rush: bool,
    /// The log's position that was visible beside them.
    pub position: Position,
}

impl Question for PriceListAt {
    type Answer = PriceList;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Self::Answer>, AskError> {
        let row = sqlx::query!(
            r#"SELECT c.epoch, c.position, c.current_at,
                      l.version AS "version?", l.valid_from AS "valid_from?",
                      l.materials AS "materials?: Json<Vec<MaterialChoice>>",
                      l.finishes AS "finishes?: Json<Vec<FinishChoice>>",
                      l.settings AS "settings?: Json<Vec<SettingChoice>>", l.has_rush AS "has_rush?"
               FROM read.checkpoint AS c
               LEFT JOIN LATERAL (
                   SELECT p.version, p.valid_from, p.materials, p.finishes, p.settings, p.has_rush
                   FROM read.price_lists AS p WHERE p.valid_from <= $1
                   ORDER BY p.valid_from DESC, p.version DESC LIMIT 1
               ) AS l ON true"#,
            self.0,
        )
        .fetch_optional(connection)
        .await?
        .ok_or_else(no_checkpoint)?;
        let head = Head::new(row.epoch, row.position, row.current_at, None)?;
        let answer = PriceList {
            rate_card_version: row.version,
            valid_from: row.valid_from,
            materials: row.materials.map(|all| all.0).unwrap_or_default(),
            finishes: row.finishes.map(|all| all.0).unwrap_or_default(),
            settings: row.settings.map(|all| all.0).unwrap_or_default(),
            has_rush: row.has_rush.unwrap_or_default(),
            position: head.position,
        };
        Ok(Snapshot { head, answer })
    }
}

/// What can be ordered by the rate card in force, with the names of it in Russian and English. No prices: ask for a quote.
#[utoipa::path(
    get, path = "/v1/price-list", operation_id = "price_list", tag = "quotes",
    responses((status = 200, body = PriceList), (status = "default", body = Problem)),
)]
pub async fn handler(reader: Reader, context: Data<Context>) -> Result<HttpResponse, Problem> {
    context.answer(&reader, &PriceListAt(SystemClock.now())).await
}
