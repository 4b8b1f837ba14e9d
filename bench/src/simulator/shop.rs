//! The internet shop: customers with carts, over messages; the site uploads their models.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use shared::contracts::inbound::{
    CancelledByShop, FileUploaded, Inbound, OrderInitiated, OrderSubmitted,
};
use shared::contracts::text::{ReasonText, ShopOrderId};
use shared::ids::ModelId;

use super::story::{Oddity, Story};
use super::told::Told;
use super::world::{Setback, World, spec};
use crate::broker::{Received, Stopping};
use crate::dice::Dice;
use crate::models::{Choice, Damage};
use crate::rest::CallError;

/// Goods lie in the cart for a while before the model comes, and the customer thinks before "make order".
const FILLING_THE_CART: Range<f64> = 2.0..10.0;
const LOOKING_AT_IT: Range<f64> = 2.0..12.0;
const ABANDONED_FOR: Range<f64> = 20.0..60.0;
const CHANGING_ONES_MIND: Range<f64> = 2.0..10.0;

/// A customer from the first click to "make order".
pub async fn customer(world: Arc<World>, number: String) -> Result<(), Stopping> {
    let customer = Customer {
        story: Story::of(&number),
        dice: world.dice(&number),
        trace: world.new_trace(),
        world: &world,
        number,
    };
    let errand = customer.shops().await;
    world.over("the shop's upload", errand)
}

struct Customer<'a> {
    world: &'a World,
    number: String,
    story: Story,
    dice: Dice,
    trace: String,
}

impl Customer<'_> {
    async fn shops(mut self) -> Result<(), Setback> {
        let late_draft = self.story.oddity == Oddity::LateDraft;
        if self.story.without_draft || late_draft {
            let model_id = self.upload().await?;
            self.submit(model_id).await?;
            if late_draft {
                self.initiate().await?;
            }
            return Ok(());
        }
        self.initiate().await?;
        self.wait(FILLING_THE_CART).await?;
        if self.story.oddity == Oddity::Abandons && self.dice.chance(0.5) {
            return Ok(self.abandon().await?);
        }
        let model_id = self.upload().await?;
        let shop_order_id = self.shop_order_id();
        let message = FileUploaded { shop_order_id, model_id: model_id.clone() };
        self.send("file-uploaded", Inbound::ShopFileUploaded(message)).await?;
        self.wait(LOOKING_AT_IT).await?;
        if self.story.oddity == Oddity::Abandons {
            return Ok(self.abandon().await?);
        }
        Ok(self.submit(model_id).await?)
    }

    async fn initiate(&self) -> Result<(), Stopping> {
        let message = OrderInitiated { shop_order_id: self.shop_order_id() };
        self.send("initiated", Inbound::ShopOrderInitiated(message)).await
    }

    /// The site uploads the file; half a file is refused, and the customer sends the whole one.
    async fn upload(&mut self) -> Result<ModelId, Setback> {
        let choice = self.story.choice;
        if self.story.oddity == Oddity::Truncated {
            let half = Choice { damage: Damage::Truncated, ..choice };
            match self.try_upload(half).await? {
                Err(error @ CallError::Refused { .. }) => self.world.failed("half a file", &error),
                Err(error) => return Err(Setback::Call(error)),
                Ok(_) => self.world.wrong("half a file", "was taken"),
            }
        }
        self.try_upload(choice).await?.map_err(Setback::Call)
    }

    async fn try_upload(&mut self, choice: Choice) -> Result<Result<ModelId, CallError>, Stopping> {
        let Self { world, dice, trace, .. } = self;
        let upload = world.upload(&world.shop, "shop", choice, trace, dice);
        world.unless_stopped(upload).await
    }

    async fn submit(&self, model_id: ModelId) -> Result<(), Stopping> {
        let message = OrderSubmitted::new(self.shop_order_id(), spec(&self.story, model_id));
        self.world.book().submitted(&self.number, Instant::now());
        self.send("submitted", Inbound::ShopOrderSubmitted(message)).await
    }

    async fn abandon(&mut self) -> Result<(), Stopping> {
        self.wait(ABANDONED_FOR).await?;
        call_off(self.world, &self.number, "the cart was abandoned", Some(&self.trace)).await
    }

    async fn wait(&mut self, seconds: Range<f64>) -> Result<(), Stopping> {
        self.world.pause(seconds, &mut self.dice).await
    }

    async fn send(&self, what: &str, message: Inbound) -> Result<(), Stopping> {
        let id = format!("{}:{what}", self.number);
        self.world.send(&self.world.shop_post, message, id, Some(&self.trace)).await
    }

    fn shop_order_id(&self) -> ShopOrderId {
        shop_order_id(&self.number)
    }
}

/// The shop reads `mes.to.shop`: it shows customers how far their order is, and some of them change their mind.
pub async fn hear(world: Arc<World>, received: Received) -> Result<(), Stopping> {
    let told = match Told::read(&received.envelope) {
        Ok(told) => told,
        Err(error) => {
            world.wrong("the shop reads a message", error);
            return Ok(());
        }
    };
    world.hear(&told.news());
    if told.event != "price-calculated" || told.story().oddity != Oddity::ChangesMind {
        return Ok(());
    }
    let number = &told.says.external_id;
    world.pause(CHANGING_ONES_MIND, &mut world.dice(&received.envelope.id)).await?;
    call_off(&world, number, "the customer changed their mind", told.trace.as_deref()).await
}

async fn call_off(
    world: &World,
    number: &str,
    reason: &str,
    trace: Option<&str>,
) -> Result<(), Stopping> {
    let reason = ReasonText::try_from(reason.to_owned()).expect("a literal reason");
    let message = CancelledByShop { shop_order_id: shop_order_id(number), reason };
    let id = format!("{number}:cancelled");
    world.send(&world.shop_post, Inbound::ShopOrderCancelled(message), id, trace).await
}

/// Ours, or one that the MES accepted before.
fn shop_order_id(number: &str) -> ShopOrderId {
    ShopOrderId::try_from(number.to_owned()).expect("numbers are short and printable")
}
