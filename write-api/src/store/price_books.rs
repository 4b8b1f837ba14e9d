//! The price book in force at a moment, or the one that a price names.

use chrono::{DateTime, TimeDelta, Utc};
use pricing::fixing::{Fixing, Freshness, Metal, MetalPrice};
use pricing::quote::PriceBook;
use pricing::rate_card::RateCard;
use shared::metals::{AgeLimits, Freshness as Age};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::Store;

/// How old the price of a metal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetalAge {
    /// Which metal.
    pub metal: Metal,
    /// Since its price was observed.
    pub age: TimeDelta,
    /// Whether it may be used.
    pub freshness: Freshness,
}

impl Store {
    /// The newest rate card whose time had come at `at`, with the metals' prices that held then, judged for their age
    /// at `at`; `None` when no card was published yet.
    pub async fn price_book(&self, at: DateTime<Utc>) -> Result<Option<PriceBook>, sqlx::Error> {
        self.price_book_on(&mut *self.pool().acquire().await?, at).await
    }

    /// As [`Store::price_book`], inside a transaction.
    pub(super) async fn price_book_on(
        &self,
        connection: &mut PgConnection,
        at: DateTime<Utc>,
    ) -> Result<Option<PriceBook>, sqlx::Error> {
        let row = sqlx::query!(
            r#"SELECT version, document AS "document: Json<RateCard>" FROM write.rate_cards
               WHERE valid_from <= $1 ORDER BY valid_from DESC, version DESC LIMIT 1"#,
            at,
        )
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let fixing = match set_at(connection, at).await? {
            Some(set_id) => Some(self.fixing_in(connection, set_id, at).await?),
            None => None,
        };
        Ok(Some(PriceBook { card: row.document.0, card_version: row.version, fixing }))
    }

    /// The book that a price names, as it was at `at`; `None` when there is no such card.
    pub async fn price_book_of(
        &self,
        card_version: i64,
        fixing_id: Option<i64>,
        at: DateTime<Utc>,
    ) -> Result<Option<PriceBook>, sqlx::Error> {
        let card = sqlx::query_scalar!(
            r#"SELECT document AS "document: Json<RateCard>" FROM write.rate_cards
               WHERE version = $1"#,
            card_version,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(card) = card else { return Ok(None) };
        let fixing = match fixing_id {
            Some(set_id) => Some(self.fixing_of(set_id, at).await?),
            None => None,
        };
        Ok(Some(PriceBook { card: card.0, card_version, fixing }))
    }

    /// How old the prices are that hold now, and how many wait for a person.
    pub async fn metal_ages(&self) -> Result<(Vec<MetalAge>, u64), sqlx::Error> {
        let now = self.clock().now();
        let waiting = sqlx::query_scalar!(
            r#"SELECT count(*) AS "waiting!" FROM write.metal_fixings WHERE state = 'waiting'"#,
        )
        .fetch_one(self.pool())
        .await?;
        let mut connection = self.pool().acquire().await?;
        let Some(set_id) = set_at(&mut connection, now).await? else {
            return Ok((Vec::new(), waiting.cast_unsigned()));
        };
        let limits = self.fixings().ages();
        let ages = rows_of(&mut connection, set_id).await?.into_iter().map(|row| {
            let age = now - row.observed_at;
            MetalAge { metal: row.metal, age, freshness: freshness(age, limits) }
        });
        Ok((ages.collect(), waiting.cast_unsigned()))
    }

    /// The metals' prices that held at `at`; `None` when none did yet.
    pub async fn fixing_at(&self, at: DateTime<Utc>) -> Result<Option<Fixing>, sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        match set_at(&mut connection, at).await? {
            Some(set_id) => self.fixing_in(&mut connection, set_id, at).await.map(Some),
            None => Ok(None),
        }
    }

    /// The set of metal prices with this number, judged for its age at `at`.
    pub async fn fixing_of(&self, set_id: i64, at: DateTime<Utc>) -> Result<Fixing, sqlx::Error> {
        self.fixing_in(&mut *self.pool().acquire().await?, set_id, at).await
    }

    async fn fixing_in(
        &self,
        connection: &mut PgConnection,
        set_id: i64,
        at: DateTime<Utc>,
    ) -> Result<Fixing, sqlx::Error> {
        let limits = self.fixings().ages();
        let prices = rows_of(connection, set_id).await?.into_iter().map(|row| {
            let freshness = freshness(at - row.observed_at, limits);
            let price =
                MetalPrice { per_gram: row.price_per_gram, currency: row.currency, freshness };
            (row.metal, price)
        });
        Ok(Fixing { id: set_id, prices: prices.collect() })
    }
}

async fn set_at(
    connection: &mut PgConnection,
    at: DateTime<Utc>,
) -> Result<Option<i64>, sqlx::Error> {
    let set_id = sqlx::query_scalar!(
        r#"SELECT set_id AS "set_id!" FROM write.metal_fixings
           WHERE set_id IS NOT NULL AND decided_at <= $1
           ORDER BY decided_at DESC, set_id DESC LIMIT 1"#,
        at,
    );
    set_id.fetch_optional(connection).await
}

async fn rows_of(connection: &mut PgConnection, set_id: i64) -> Result<Vec<Row>, sqlx::Error> {
    let metals = Metal::ALL.map(|metal| metal.as_str().to_owned());
    let rows = sqlx::query!(
        r#"SELECT m.metal AS "metal!", f.price_per_gram, f.currency, f.observed_at
           FROM unnest($2::text[]) AS m (metal)
           CROSS JOIN LATERAL (
               SELECT h.price_per_gram, h.currency, h.observed_at FROM write.metal_fixings AS h
               WHERE h.metal = m.metal AND h.set_id <= $1 ORDER BY h.set_id DESC LIMIT 1
           ) AS f"#,
        set_id,
        &metals[..],
    )
    .fetch_all(connection)
    .await?;
    let known = |word: &str| Metal::ALL.into_iter().find(|metal| metal.as_str() == word);
    let rows = rows.into_iter().filter_map(|row| {
        let metal = known(&row.metal)?;
        let (price_per_gram, currency) = (row.price_per_gram, row.currency);
        Some(Row { metal, price_per_gram, currency, observed_at: row.observed_at })
    });
    Ok(rows.collect())
}

struct Row {
    metal: Metal,
    price_per_gram: rust_decimal::Decimal,
    currency: String,
    observed_at: DateTime<Utc>,
}

fn freshness(age: TimeDelta, limits: AgeLimits) -> Freshness {
    match limits.judge(age) {
        Age::Fresh => Freshness::Fresh,
        Age::Stale => Freshness::Stale,
        Age::TooOld => Freshness::TooOld,
    }
}
