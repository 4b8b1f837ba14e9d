//! The price book in force.

use chrono::{DateTime, Utc};
use pricing::rate_card::RateCard;
use sqlx::PgPool;
use sqlx::types::Json;

/// A price book with its version.
pub(super) struct InForce {
    pub version: i64,
    pub card: RateCard,
}

/// The newest price book whose time has come; `None` when none was published yet.
pub(super) async fn in_force(
    pool: &PgPool,
    now: DateTime<Utc>,
) -> Result<Option<InForce>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT version, document AS "document: Json<RateCard>" FROM write.rate_cards
           WHERE valid_from <= $1 ORDER BY valid_from DESC, version DESC LIMIT 1"#,
        now,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| InForce { version: row.version, card: row.document.0 }))
}
