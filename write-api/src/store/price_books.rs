//! The price book in force at a moment, or the one that a price names.

use chrono::{DateTime, Utc};
use pricing::quote::PriceBook;
use pricing::rate_card::RateCard;
use sqlx::types::Json;

use super::Store;

impl Store {
    /// The newest rate card whose time had come at `at`, with the metals' prices of that moment; `None` when no
    /// card was published yet.
    pub async fn price_book(&self, at: DateTime<Utc>) -> Result<Option<PriceBook>, sqlx::Error> {
        let row = sqlx::query!(
            r#"SELECT version, document AS "document: Json<RateCard>" FROM write.rate_cards
               WHERE valid_from <= $1 ORDER BY valid_from DESC, version DESC LIMIT 1"#,
            at,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| PriceBook {
            card: row.document.0,
            card_version: row.version,
            fixing: None,
        }))
    }
}
