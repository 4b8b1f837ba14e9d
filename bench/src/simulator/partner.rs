//! Other jewellery sellers, over REST: they upload, submit with an idempotency key, repeat themselves now and then,
//! and look how far their order is.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::ids::OrderId;
use shared::order::Status;
use shared::order::stage::PricingState;
use shared::views::OrderView;

use super::book::News;
use super::story::{Oddity, Story};
use super::world::{PartnerSite, Setback, World, spec};
use crate::broker::Stopping;
use crate::dice::Dice;
use crate::rest::{Asking, CallError, CommandAnswer, OrderCard};

const BETWEEN_LOOKS: Range<f64> = 1.0..3.0;
/// However hurried the simulation is, a partner's program does not ask more often than this.
const SHORTEST_LOOK: Duration = Duration::from_millis(200);
/// Then the partner loses interest; the longest price takes half an hour.
const INTEREST: Duration = Duration::from_mins(30);

/// One order of a partner.
pub async fn order(world: Arc<World>, number: String) -> Result<(), Stopping> {
    let mut dice = world.dice(&number);
    let partner = dice.below(world.partners.len());
    let trace = world.new_trace();
    let mut errand = Errand {
        world: &world,
        site: &world.partners[partner],
        story: Story::of(&number),
        number,
        dice,
        trace,
    };
    let result = errand.run().await;
    let what = format!("order {} of {}", errand.number, errand.site.name);
    world.over(&what, result)
}

struct Errand<'a> {
    world: &'a World,
    site: &'a PartnerSite,
    number: String,
    story: Story,
    dice: Dice,
    trace: String,
}

impl Errand<'_> {
    async fn run(&mut self) -> Result<(), Setback> {
        let accepted = self.submit().await?;
        let Some(priced) = self.wait_for_the_price(&accepted).await? else { return Ok(()) };
        if priced.status == Status::PriceCalculated && self.story.oddity == Oddity::ChangesMind {
            self.call_off(priced.order_id).await?;
        }
        Ok(())
    }

    async fn submit(&mut self) -> Result<CommandAnswer, Setback> {
        let (site, choice) = (self.site, self.story.choice);
        let upload =
            self.world.upload(&site.write, &site.name, choice, &self.trace, &mut self.dice);
        let model_id = self.world.unless_stopped(upload).await??;
        let mut body = serde_json::to_value(spec(&self.story, model_id))
            .expect("text and numbers can be written as JSON");
        body["external_id"] = Value::from(self.number.as_str());
        let key = self.world.new_key();
        self.world.book().submitted(&self.number, Instant::now());
        let accepted = self.post("/v1/orders", &body, &key).await?;
        self.repeat(&body, &key, accepted.order.order_id).await?;
        self.hear(&accepted.order);
        Ok(accepted)
    }

    /// The partner's connection broke, so it seems to them, and they ask again: with the same key, or (their
    /// program started anew) with another key and the same external id. It must be the same order.
    async fn repeat(&mut self, body: &Value, key: &str, order_id: OrderId) -> Result<(), Setback> {
        if !self.dice.chance(self.world.plan.duplicates) {
            return Ok(());
        }
        self.world.tally.count("duplicate");
        let other = self.world.new_key();
        let key = if self.dice.chance(0.5) { key } else { &other };
        let again = self.post("/v1/orders", body, key).await?.order.order_id;
        if again != order_id {
            let what = format!("{} was submitted twice", self.number);
            self.world.wrong(&what, format!("and became {order_id} and {again}"));
        }
        Ok(())
    }

    /// Looks at the order until it is priced, or it is clear that it never will be.
    async fn wait_for_the_price(
        &mut self,
        accepted: &CommandAnswer,
    ) -> Result<Option<OrderView>, Setback> {
        let path = format!("/v1/orders/{}", accepted.order.order_id);
        let began = Instant::now();
        while began.elapsed() < INTEREST {
            let asking = Asking { position: Some(&accepted.position), ..Asking::default() };
            let looking = self.site.read.get::<OrderCard>(&path, asking);
            let order = match self.world.unless_stopped(looking).await? {
                Ok(card) => card.order,
                Err(CallError::Refused { status: 404, .. }) => {
                    self.world.wrong(&self.number, "was accepted and cannot be found");
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            self.hear(&order);
            if order.status > Status::Submitted || price_failed(&order) {
                return Ok(Some(order));
            }
            let look = self.dice.seconds(&BETWEEN_LOOKS).mul_f64(self.world.plan.pace);
            self.world.unless_stopped(tokio::time::sleep(look.max(SHORTEST_LOOK))).await?;
        }
        Ok(None)
    }

    async fn call_off(&mut self, order_id: OrderId) -> Result<(), Setback> {
        let body = json!({ "reason": "our customer changed their mind" });
        let key = self.world.new_key();
        let answer = self.post(&format!("/v1/orders/{order_id}/cancel"), &body, &key).await?;
        self.hear(&answer.order);
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value, key: &str) -> Result<CommandAnswer, Setback> {
        let asking = Asking { key: Some(key), position: None, trace: Some(&self.trace) };
        Ok(self.world.unless_stopped(self.site.write.post(path, body, asking)).await??)
    }

    fn hear(&self, order: &OrderView) {
        self.world.hear(&News {
            external_id: order.external_id.clone(),
            order_id: order.order_id,
            version: order.version,
            status: order.status,
            price_failed: price_failed(order),
        });
    }
}

fn price_failed(order: &OrderView) -> bool {
    let state = order.pricing.as_ref().map(|pricing| &pricing.state);
    matches!(state, Some(PricingState::Failed { .. }))
}
