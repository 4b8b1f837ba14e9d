//! What can be said of a price at once: roughly, from the outside of the model, or exactly, when the model was measured
//! before.

use pricing::quote::PriceBook;
use shared::order::spec::WorkSpec;
use shared::quote::RoughPrice;
use shared::quote::decisions::{Calculated, Calculation};
use sqlx::types::Json;

use super::{AnalysisKey, CommandError, FileRefusal, Known, Store};
use crate::models::outside::{Outside, Unpriceable};
use crate::prices;

/// What can be said at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// About what it will cost, `None` when that cannot be said yet; or why the price book cannot price it.
    pub rough: Result<Option<RoughPrice>, Unpriceable>,
    /// The exact answer, if the model was measured before.
    pub known: Option<Calculation>,
}

impl Store {
    /// What can be said of a price at once; nothing where there is no such model, which whoever asks hears by the command
    /// itself. Asked before a command begins, so that its transaction is not held open by it.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(name = "quote.estimate", skip_all, err(level = "debug"))]
    pub async fn estimate(&self, spec: &WorkSpec) -> Result<Estimate, CommandError> {
        let nothing = Estimate { rough: Ok(None), known: None };
        let now = self.clock().now();
        let Some(book) = self.price_book(now).await? else { return Ok(nothing) };
        let Some(rough) = self.rough_price(spec, &book).await? else { return Ok(nothing) };
        Ok(Estimate { rough, known: self.known_price(spec, &book).await? })
    }

    /// From the outside of the model alone; `None` when there is no such model.
    pub(super) async fn rough_price(
        &self,
        spec: &WorkSpec,
        book: &PriceBook,
    ) -> Result<Option<Result<Option<RoughPrice>, Unpriceable>>, CommandError> {
        let model = sqlx::query!(
            r#"SELECT facets, facts AS "outside: Json<Outside>" FROM write.models WHERE model_id = $1"#,
            spec.model_id.as_str(),
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(model.map(|model| {
            let outside = model.outside.map_or_else(Outside::default, |outside| outside.0);
            let facets = u64::try_from(model.facets).unwrap_or_default();
            outside.rough_price(facets, spec, book, self.clock().now())
        }))
    }

    /// `None` when the model must be measured first, or something of ours is missing: a job will deal with it.
    async fn known_price(
        &self,
        spec: &WorkSpec,
        book: &PriceBook,
    ) -> Result<Option<Calculation>, CommandError> {
        let key = AnalysisKey::of(spec);
        let analysis = match self.lookup_analysis(&key).await? {
            Some(Known::Measured(analysis)) => analysis,
            Some(Known::Refused(FileRefusal { code, reason })) => {
                return Ok(Some(Calculation::Impossible { code, reason }));
            }
            None => return Ok(None),
        };
        let accepted = self.volume_is_accepted(&key, &analysis).await?;
        let price = if accepted { prices::of_accepted } else { prices::of_quote };
        Ok(match price(&analysis, spec, book, self.clock().now()) {
            Ok(price) => {
                let is_provisional = price.needs_a_person();
                Some(Calculation::Done(Box::new(Calculated { price, is_provisional })))
            }
            Err(why) if why.may_succeed_later() => None,
            Err(why) => {
                let (code, reason) = (why.code().to_owned(), why.to_string());
                Some(Calculation::Impossible { code, reason })
            }
        })
    }
}

impl From<Unpriceable> for CommandError {
    fn from(Unpriceable { field, message }: Unpriceable) -> Self {
        Self::Unpriceable { field, message }
    }
}
