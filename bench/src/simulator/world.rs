//! What all actors share: ways to the MES, time, and the book of open orders.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Client;
use shared::clock::{Clock, SystemClock};
use shared::contracts::inbound::Inbound;
use shared::ids::{Ids, ModelId, TimeOrderedIds};
use shared::order::Status;
use shared::order::spec::{Quantity, RateCardKey, StoneSettings, Unit, WorkSpec};
use shared::platform::shutdown::Shutdown;

use super::book::{Book, News};
use super::story::{Story, number};
use super::tally::Tally;
use crate::broker::{Broker, Letter, Post, Stopping};
use crate::dice::Dice;
use crate::models::{Choice, Models};
use crate::rest::{Api, Asking, CallError, client};
use crate::stack::Stack;
use crate::trouble::Trouble;

/// Open orders that are watched at most, when there is no end.
const BOOK_CAPACITY: usize = 10_000;
/// Customers send the same file again now and then.
const UPLOADED_AGAIN: f64 = 0.1;

/// What is asked of the simulator.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Orders per second.
    pub rate: f64,
    /// How many; without an end when absent.
    pub orders: Option<u64>,
    /// As far as one wants to look.
    pub until: Status,
    /// Simulated operators.
    pub operators: usize,
    /// Decides every choice.
    pub seed: u64,
    /// All human durations are multiplied by it.
    pub pace: f64,
    /// How often something is sent twice.
    pub duplicates: f64,
    /// How often somebody sends a message that has to be parked, per order.
    pub careless: f64,
    /// Nothing odd happens to any order.
    pub plain: bool,
    /// Tells of every trouble.
    pub verbose: bool,
    /// How long the last orders may take.
    pub patience: Duration,
    /// Where models lie.
    pub models: PathBuf,
}

/// A partner's way to the MES.
pub struct PartnerSite {
    /// Its name.
    pub name: String,
    /// For commands.
    pub write: Api,
    /// For questions.
    pub read: Api,
}

/// Why an errand came to no end.
pub enum Setback {
    /// A call did not end well, for good.
    Call(CallError),
    /// Everything stops.
    Stopping,
}

impl From<CallError> for Setback {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Stopping> for Setback {
    fn from(_: Stopping) -> Self {
        Self::Stopping
    }
}

/// What all actors share.
pub struct World {
    /// What is asked.
    pub plan: Plan,
    /// The shop's site.
    pub shop: Api,
    /// The shop's messages.
    pub shop_post: Post,
    /// The CRM's messages.
    pub crm_post: Post,
    /// The CRM's questions.
    pub crm: Api,
    /// The carrier's messages.
    pub carrier_post: Post,
    /// Those who order over REST.
    pub partners: Vec<PartnerSite>,
    /// Everybody's ways, for operators.
    pub http: Client,
    /// Where the services are.
    pub stack: Stack,
    /// What happened.
    pub tally: Tally,
    /// What went wrong and was tried again.
    pub trouble: Arc<Trouble>,
    /// The end of it all.
    pub shutdown: Shutdown,
    /// When it began.
    pub began: Instant,
    book: Mutex<Book>,
    models: Models,
    uploaded: Mutex<HashMap<(String, Choice), ModelId>>,
    run: String,
}

impl World {
    /// Opens all ways; nothing is sent yet.
    pub fn new(plan: Plan, stack: Stack, shutdown: Shutdown) -> Result<(Arc<Self>, Broker)> {
        let trouble = Arc::new(Trouble::new(plan.verbose));
        let broker = Broker::new(&stack.rabbitmq.url, &trouble)?;
        let http = client()?;
        let post = |name| Post::open(&broker, name, &shutdown);
        let api = |base: &str, key: &str| Api::new(&http, base, key, &trouble);
        let partner = |partner: &crate::stack::Partner| PartnerSite {
            name: partner.name.clone(),
            write: api(&stack.write_api, &partner.key),
            read: api(&stack.read_api, &partner.key),
        };
        let capacity = plan.orders.and_then(|orders| usize::try_from(orders).ok());
        let book = Book::new(capacity.unwrap_or(BOOK_CAPACITY), plan.until, plan.orders.is_some());
        let world = Self {
            shop: api(&stack.write_api, stack.key_of("shop")?),
            crm: api(&stack.read_api, stack.key_of("crm")?),
            shop_post: post("shop"),
            crm_post: post("crm"),
            carrier_post: post("carrier"),
            partners: stack.partners.iter().map(partner).collect(),
            tally: Tally::default(),
            began: Instant::now(),
            book: Mutex::new(book),
            models: Models::load(&plan.models)?,
            uploaded: Mutex::default(),
            run: run_name(),
            plan,
            http,
            stack,
            trouble,
            shutdown,
        };
        Ok((Arc::new(world), broker))
    }

    /// The book, for a moment.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody says something about an order.
    pub fn hear(&self, news: &News) {
        self.book().hear(news, Instant::now());
    }

    /// The number of the `n`-th order, with its story in it.
    pub fn number(&self, prefix: char, n: u64) -> String {
        let token = (!self.plan.plain).then(|| Dice::nth(self.plan.seed, n).roll_32());
        number(prefix, &self.run, n, token)
    }

    /// Choices about something that has a name: the same name, the same choices.
    pub fn dice(&self, name: &str) -> Dice {
        Dice::nth(self.plan.seed, hash(name))
    }

    /// A person takes their time.
    pub async fn pause(&self, seconds: Range<f64>, dice: &mut Dice) -> Result<(), Stopping> {
        let pause = dice.seconds(&seconds).mul_f64(self.plan.pace);
        self.unless_stopped(tokio::time::sleep(pause)).await
    }

    /// Something that need not be finished when everything stops.
    pub async fn unless_stopped<F: Future>(&self, doing: F) -> Result<F::Output, Stopping> {
        self.shutdown.soft().run_until_cancelled(doing).await.ok_or(Stopping)
    }

    /// Sends a message, and now and then sends it twice.
    pub async fn send(
        &self,
        post: &Post,
        message: Inbound,
        id: String,
        trace: Option<&str>,
    ) -> Result<(), Stopping> {
        let twice = self.dice(&id).chance(self.plan.duplicates);
        let letter = Letter::new(message, id, SystemClock.now(), trace);
        if twice {
            self.tally.count("duplicate");
            post.send(letter.clone()).await?;
        }
        post.send(letter).await
    }

    /// A trace of one's own, for a chain of hops that begins here.
    pub fn new_trace(&self) -> String {
        let (trace, span) = (TimeOrderedIds.next().as_u128(), TimeOrderedIds.next().as_u128());
        let span = u64::try_from(span & u128::from(u64::MAX)).unwrap_or(1);
        format!("00-{trace:032x}-{span:016x}-01")
    }

    /// A key for one intention.
    pub fn new_key(&self) -> String {
        TimeOrderedIds.next().to_string()
    }

    /// Uploads a file, unless the same caller has sent it before: their site remembers.
    pub async fn upload(
        &self,
        api: &Api,
        caller: &str,
        choice: Choice,
        trace: &str,
        dice: &mut Dice,
    ) -> Result<ModelId, CallError> {
        let remembered = (caller.to_owned(), choice);
        let known = self.uploaded().get(&remembered).cloned();
        if let Some(model_id) = known.filter(|_| !dice.chance(UPLOADED_AGAIN)) {
            return Ok(model_id);
        }
        let asking = Asking { trace: Some(trace), ..Asking::default() };
        let uploaded = api.upload(self.models.file(choice), asking).await?;
        self.uploaded().insert(remembered, uploaded.model_id.clone());
        Ok(uploaded.model_id)
    }

    /// An errand is over. Whoever can do nothing more about a call that did not end well, says so.
    pub fn over(&self, what: &str, errand: Result<(), Setback>) -> Result<(), Stopping> {
        match errand {
            Ok(()) => Ok(()),
            Err(Setback::Stopping) => Err(Stopping),
            Err(Setback::Call(error)) => {
                self.wrong(what, &error);
                Ok(())
            }
        }
    }

    /// A call did not end well, for good.
    pub fn failed(&self, what: &str, error: &CallError) {
        match error {
            CallError::Refused { .. } => {
                self.tally.count("refused");
                if self.plan.verbose {
                    eprintln!("{what}: {error}");
                }
            }
            error => self.wrong(what, error),
        }
    }

    /// Something is as it must not be.
    pub fn wrong(&self, what: &str, error: impl Display) {
        self.tally.count("error");
        eprintln!("error: {what}: {error}");
    }

    fn uploaded(&self) -> MutexGuard<'_, HashMap<(String, Choice), ModelId>> {
        self.uploaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the story says is to be made, of a model that was uploaded.
///
/// # Panics
/// Never: stories name what the demonstration's rate card has.
pub fn spec(story: &Story, model_id: ModelId) -> WorkSpec {
    let of_the_rate_card = |key: &str| {
        RateCardKey::try_from(key.to_owned()).expect("stories name entries of the rate card")
    };
    WorkSpec {
        model_id,
        unit: Unit::Millimetre,
        material: of_the_rate_card(story.material),
        finish: of_the_rate_card(story.finish),
        quantity: Quantity::try_from(story.quantity).expect("stories order a few pieces"),
        rush: false,
        settings: StoneSettings::default(),
    }
}

/// Tells the numbers of two runs apart: data may be kept from one to the next.
fn run_name() -> String {
    let random = TimeOrderedIds.next().as_u128() & 0xff_ffff;
    format!("{random:06X}")
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
