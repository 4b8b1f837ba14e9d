//! The way into the MES: models are uploaded over REST, the shop orders by message, partners over REST.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use shared::clock::{Clock, SystemClock};
use shared::contracts::inbound::{Inbound, OrderSubmitted};
use shared::ids::ModelId;
use shared::platform::shutdown::Shutdown;
use tokio::time::{Instant, sleep};

use super::ledger::Ledger;
use super::torus::torus;
use crate::broker::{Broker, Letter, Post, eavesdrop};
use crate::rest::{Api, Asking, CallError, client};
use crate::stack::Stack;
use crate::trouble::Trouble;

/// What the scenarios order.
const PRICED_EVENTS: [&str; 4] =
    ["submitted", "pricing-started", "price-calculated", "pricing-failed"];

/// The units a file can be taken in: each is an analysis of its own of the same file.
pub const UNITS: [&str; 4] = ["millimetre", "centimetre", "inch", "metre"];

/// How often to look for reports.
const LOOK: Duration = Duration::from_millis(500);

/// What of an analysis we ask about.
#[derive(Deserialize)]
struct Analysed {
    report: Option<IgnoredAny>,
}

/// Customers of one stack.
pub struct Floor {
    run: String,
    shop: Api,
    /// The shop again, where it reads.
    asking: Api,
    post: Post,
    partners: Vec<Api>,
    /// What was heard.
    pub ledger: Arc<Ledger>,
    orders: AtomicU32,
    models: AtomicU32,
}

impl Floor {
    /// Opens the doors of a stack. `run` keeps the numbers of two runs apart.
    ///
    /// # Errors
    /// When the stack's record lacks something.
    pub async fn open(stack: &Stack, run: &str, shutdown: &Shutdown) -> Result<Self> {
        let (trouble, http) = (Arc::new(Trouble::new(true)), client()?);
        let broker = Broker::new(&stack.rabbitmq.url, &trouble)?;
        let ledger = Arc::new(Ledger::default());
        let heard = ledger.clone();
        let listening =
            eavesdrop(&broker, &PRICED_EVENTS, shutdown, move |event| heard.hear(&event));
        listening.await.context("listening to mes.events")?;
        let api = |key: &str| Api::new(&http, &stack.write_api, key, &trouble);
        let shop = stack.key_of("shop")?;
        Ok(Self {
            run: run.to_owned(),
            shop: api(shop),
            asking: Api::new(&http, &stack.read_api, shop, &trouble),
            post: Post::open(&broker, "shop", shutdown),
            partners: stack.partners.iter().map(|partner| api(&partner.key)).collect(),
            ledger,
            orders: AtomicU32::new(0),
            // Two runs on one stack must not find each other's models.
            models: AtomicU32::new(u32::from_str_radix(run, 16).unwrap_or_default() % 100_000),
        })
    }

    /// Uploads a model that nobody has seen.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn new_model(&self, facets: u32) -> Result<ModelId> {
        let variant = self.models.fetch_add(1, Ordering::Relaxed);
        let file = tokio::task::spawn_blocking(move || torus(facets, variant)).await?;
        let uploaded = self.shop.upload(file, Asking::default()).await;
        Ok(uploaded.with_context(|| format!("uploading {facets} facets"))?.model_id)
    }

    /// Uploads many models, `facets` telling the size of each.
    ///
    /// # Errors
    /// When one is not taken.
    pub async fn new_models(&self, facets: impl IntoIterator<Item = u32>) -> Result<Vec<ModelId>> {
        let mut models = vec![];
        for facets in facets {
            models.push(self.new_model(facets).await?);
        }
        Ok(models)
    }

    /// The shop's customer presses "make order".
    ///
    /// # Errors
    /// When the run is being stopped.
    pub async fn shop_orders(&self, model: &ModelId, unit: &str) -> Result<String> {
        let number = self.number('S');
        let data = json!({
            "shop_order_id": number, "model_id": model, "unit": unit,
            "material": "silver-925", "finish": "polished", "quantity": 1,
        });
        let submitted: OrderSubmitted = serde_json::from_value(data)?;
        let message = Inbound::ShopOrderSubmitted(submitted);
        let letter = Letter::new(message, format!("{number}:submitted"), SystemClock.now(), None);
        self.ledger.sent(&number);
        self.post.send(letter).await?;
        Ok(number)
    }

    /// A partner orders.
    ///
    /// # Errors
    /// When the order is not taken.
    pub async fn partner_orders(&self, partner: usize, model: &ModelId) -> Result<String> {
        let number = self.number('P');
        let body = json!({
            "external_id": number, "model_id": model, "unit": "millimetre",
            "material": "silver-925", "finish": "polished", "quantity": 1,
        });
        let api = self.partners.get(partner).context("the stack has too few partners")?;
        self.ledger.sent(&number);
        let asking = Asking { key: Some(&number), ..Asking::default() };
        api.post("/v1/orders", &body, asking).await?;
        Ok(number)
    }

    /// Waits until the reports about priced models, in [`UNITS`]`[0]`, are made: they are made after the prices, when nobody
    /// waits, and would take the machine from whatever is measured next.
    ///
    /// # Errors
    /// When one takes longer than `patience`, seconds and minutes.
    pub async fn reported(&self, models: &[ModelId], patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        for model in models {
            let path = format!("/v1/models/{model}/analysis?unit={}", UNITS[0]);
            while !self.is_reported(&path).await? {
                ensure!(Instant::now() < deadline, "there is no report of {model}");
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    async fn is_reported(&self, path: &str) -> Result<bool> {
        match self.asking.get::<Analysed>(path, Asking::default()).await {
            Ok(analysed) => Ok(analysed.report.is_some()),
            // The replica does not know of it yet.
            Err(CallError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn number(&self, channel: char) -> String {
        let number = self.orders.fetch_add(1, Ordering::Relaxed);
        format!("{channel}-bench-{}-{number}", self.run)
    }
}
