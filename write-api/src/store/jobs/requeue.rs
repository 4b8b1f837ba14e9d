//! Giving an order's price another job: for one whose job vanished, or ended without telling the order.

use shared::actor::Actor;
use shared::ids::OrderId;
use shared::order::decisions::Decided;
use shared::order::stage::{PricingState, Stage};

use super::{AnalysisKey, CommandError, Lane, Store, rows};
use crate::store::log;
use crate::store::work::append_events;

impl Store {
    /// Puts the order's pricing into its lane again. `false` when it has a live job, or needs none: asking twice does
    /// no harm. What was running is interrupted first, and stands in the order's log as the word of `component`.
    ///
    /// # Errors
    /// When the database fails, or the order's model is gone.
    pub async fn requeue_job(
        &self,
        order_id: OrderId,
        component: &str,
    ) -> Result<bool, CommandError> {
        let mut transaction = self.pool.begin().await?;
        let live = sqlx::query_scalar!(
            "SELECT generation FROM write.pricing_jobs
             WHERE order_id = $1 AND state IN ('queued', 'running') FOR UPDATE",
            order_id.as_uuid(),
        )
        .fetch_all(&mut *transaction)
        .await?;
        let Some(order) = rows::lock(&mut transaction, order_id).await? else { return Ok(false) };
        let Stage::Submitted { spec, pricing } = order.stage.clone() else { return Ok(false) };
        if !live.is_empty() || matches!(pricing.state, PricingState::Failed { .. }) {
            return Ok(false);
        }
        let key = AnalysisKey::of(&spec);
        let facets = rows::model_facets(&mut transaction, &key.model_id).await?;
        let facets = facets.ok_or_else(|| CommandError::UnknownModel(key.model_id.clone()))?;
        let now = self.clock.now();
        sqlx::query!(
            "INSERT INTO write.pricing_jobs AS j
                 (order_id, generation, lane, tenant, state, not_before, queued_at, subject,
                  model_id, unit, facets)
             VALUES ($1, $2, $3, $4, 'queued', $5, $5, 'order', $6, $7, $8)
             ON CONFLICT (order_id, generation) DO UPDATE
             SET state = 'queued', lease_token = NULL, lease_until = NULL, not_before = $5,
                 finished_at = NULL, started_at = NULL, phase = NULL, progress = NULL,
                 attempts = 0, last_error = 'queued again'",
            order_id.as_uuid(),
            i64::from(pricing.generation),
            Lane::of(order.origin.partner_id().is_some(), facets).as_str(),
            order.origin.tenant(),
            now,
            key.model_id.as_str(),
            key.unit_name(),
            facets,
        )
        .execute(&mut *transaction)
        .await?;
        let decision = order.interrupt_pricing("its job was lost".to_owned(), false);
        if let Decided::Events(events) = decision? {
            let record = log::Append {
                order_id,
                before: order.version,
                events: &events,
                actor: &Actor::system(component),
                cause: &format!("{component}/requeue/{}", self.ids.next()),
                trace_context: None,
                at: now,
            };
            append_events(&mut transaction, Some(order), record).await?;
        }
        transaction.commit().await?;
        self.bells.ring_pricers();
        self.bells.ring_followers();
        Ok(true)
    }

    /// Wakes the pricing workers: there may be a job that they have not heard of.
    pub fn ring_pricers(&self) {
        self.bells.ring_pricers();
    }
}
