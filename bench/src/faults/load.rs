//! Partners over REST and the shop over RabbitMQ, as careful clients: the same key and the same id until there is an
//! answer, and now and then twice on purpose.

mod batch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::contracts::inbound::{Inbound, OrderSubmitted};
use shared::ids::ModelId;
use shared::order::samples;
use shared::order::spec::WorkSpec;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::history::{Call, Entry, History, Outcome};
use crate::broker::{Letter, Post};
use crate::dice::Dice;
use crate::price_times::torus::torus;
use crate::rest::{Api, Asking, CallError};

/// Orders under way at once; more wait for their turn, as they would at a partner's.
const AT_ONCE: usize = 64;
const ATTEMPT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Of all orders, so many come over REST.
const OVER_REST: f64 = 0.6;
/// So often something is sent twice.
const TWICE: f64 = 0.1;
/// So often a partner looks for its own order.
const LOOKS: f64 = 0.25;
/// So often somebody sends what nobody can read.
pub const POISON: f64 = 0.01;
/// So often a partner brings a model of its own.
pub const OWN_MODELS: f64 = 0.02;
/// Enough that a pricer can be met with it in hand.
const OWN_FACETS: u32 = 40_000;

/// Who orders, and where.
#[derive(Debug)]
pub struct Load {
    /// How many orders.
    pub orders: u64,
    /// How many of them a second, at most.
    pub rate: f64,
    /// Decides who orders what over which channel.
    pub seed: u64,
    /// The write API, through a link that may break.
    pub write_api: String,
    /// The read API.
    pub read_api: String,
    /// Somebody of the house, who keeps the dashboard open.
    pub admin_token: String,
    /// A partner's key.
    pub partner_key: String,
    /// The model of every order that has none of its own.
    pub model_id: ModelId,
    /// So many of the partners' orders are for a model of their own, which must be measured first.
    pub own_models: f64,
    /// Where models are uploaded, by no link that breaks: an order without its model is none.
    pub models: Api,
    /// So many of all orders come in batches over REST.
    pub in_batches: f64,
    /// Where everything is noted.
    pub history: History,
    /// For REST.
    pub http: Client,
    /// Whoever has no answer by then leaves it at that.
    pub give_up: Instant,
    /// So often somebody sends what nobody can read.
    pub poison: f64,
    /// So many were asked for so far.
    pub asked: AtomicU64,
    /// No more orders.
    pub enough: AtomicBool,
}

/// How often somebody looks at the dashboard.
const GLANCE: Duration = Duration::from_millis(500);

/// What a partner was answered.
#[derive(Debug, Clone)]
struct Answer {
    order_id: Uuid,
    version: u64,
    position: String,
}

/// The number in an order's name decides what becomes of it: a tenth of the partners' orders is called off, a quarter
/// of all is confirmed by the CRM, and none is both.
pub const fn is_called_off(number: u64) -> bool {
    number % 10 == 3
}

/// See [`is_called_off`].
pub const fn is_approved(number: u64) -> bool {
    number.is_multiple_of(4)
}

/// The number in an order's name.
pub fn number_in(external_id: &str) -> Option<u64> {
    external_id.rsplit_once('-')?.1.parse().ok()
}

impl Load {
    /// Makes all orders and waits until each has an answer, or nobody waits any more.
    pub async fn run(self: Arc<Self>, post: Post) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = tokio::task::JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.rate));
        // What could not be sent in time is sent afterwards, at the same pace.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for number in 0..self.orders {
            ticks.tick().await;
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
            if Instant::now() > self.give_up || self.enough.load(Ordering::Relaxed) {
                break;
            }
            let (load, post) = (Arc::clone(&self), post.clone());
            tasks.spawn(async move {
                load.order(number, &post).await;
                drop(permit);
            });
            while tasks.try_join_next().is_some() {}
        }
        while tasks.join_next().await.is_some() {}
    }

    /// No more orders come; those that were begun go on.
    pub fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Somebody looks at the dashboard all the time, so that it is in every cache. Until dropped.
    pub async fn keep_looking(&self) {
        let url = format!("{}/v1/board/counts", self.read_api);
        loop {
            let request = self.http.get(&url).bearer_auth(&self.admin_token).timeout(ATTEMPT);
            // Whatever it says: it is what it says in the end that counts.
            if let Ok(answer) = request.send().await {
                let _ = answer.bytes().await;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn order(&self, number: u64, post: &Post) {
        let mut dice = Dice::nth(self.seed, number);
        self.asked.fetch_add(1, Ordering::Relaxed);
        if dice.chance(self.poison) {
            self.poison(number, post).await;
        }
        if let Some(batch) = self.batch_of(number) {
            // Its first order brings the others along.
            if number == batch.start {
                self.order_together(batch, &mut dice).await;
            }
        } else if dice.chance(OVER_REST) {
            self.partner(number, &mut dice).await;
        } else {
            self.shop(number, &mut dice, post).await;
        }
    }

    /// A model that nobody has ordered before.
    pub async fn upload(&self, number: u64, facets: u32) -> Result<ModelId, CallError> {
        let variant = u32::try_from(number % 1_000_000).unwrap_or_default();
        let key = format!("model-{number}-of-{}", self.seed);
        let asking = Asking { key: Some(&key), ..Asking::default() };
        Ok(self.models.upload(torus(facets, variant), asking).await?.model_id)
    }

    async fn partner(&self, number: u64, dice: &mut Dice) {
        let own = if dice.chance(self.own_models) {
            // While the write API is away it is an order like the others.
            self.upload(number, OWN_FACETS).await.ok()
        } else {
            None
        };
        let (op, body) = self.invoke(number, own.as_ref().unwrap_or(&self.model_id));
        let answer = self.ask_twice(&op, "/v1/orders", &body, dice.chance(TWICE)).await;
        let Some(answer) = answer else { return };
        if dice.chance(TWICE) {
            // Long after the answer, as after a restart of the partner's program.
            self.ask(&op, "/v1/orders", &body).await;
        }
        self.go_on_with(number, &answer, dice).await;
    }

    /// What a partner does with an order that was accepted.
    async fn go_on_with(&self, number: u64, answer: &Answer, dice: &mut Dice) {
        if dice.chance(LOOKS) {
            self.look(answer).await;
        }
        if is_called_off(number) {
            tokio::time::sleep(Duration::from_secs_f64(2.0 * dice.fraction())).await;
            self.call_off(number, answer.order_id, dice).await;
        }
    }

    /// The number of a partner's order as the partner writes it.
    pub fn external_id(&self, number: u64) -> String {
        format!("F{}-{number}", self.seed)
    }

    fn invoke(&self, number: u64, model_id: &ModelId) -> (String, Value) {
        let (op, external_id) = (format!("submit-{number}"), self.external_id(number));
        let call = Call::Submit { external_id: external_id.clone() };
        self.history.note(Entry::Invoked { op: op.clone(), call });
        let body = json!({
            "external_id": external_id, "model_id": model_id, "unit": "millimetre",
            "material": "silver-925", "finish": "polished", "quantity": 1,
        });
        (op, body)
    }

    /// One partner's order beside the load, of a model of its own if wanted. Its id, unless it was refused.
    pub async fn submit(&self, number: u64, model: Option<&ModelId>) -> Option<Uuid> {
        let (op, body) = self.invoke(number, model.unwrap_or(&self.model_id));
        Some(self.ask(&op, "/v1/orders", &body).await?.order_id)
    }

    async fn call_off(&self, number: u64, order_id: Uuid, dice: &mut Dice) {
        let op = format!("cancel-{number}");
        self.history.note(Entry::Invoked { op: op.clone(), call: Call::Cancel { order_id } });
        let path = format!("/v1/orders/{order_id}/cancel");
        let body = json!({ "reason": "the customer changed their mind" });
        self.ask_twice(&op, &path, &body, dice.chance(TWICE)).await;
    }

    /// Asks until there is an answer; with a twin of the request beside it, if wanted.
    async fn ask_twice(&self, op: &str, path: &str, body: &Value, twice: bool) -> Option<Answer> {
        if !twice {
            return self.ask(op, path, body).await;
        }
        let (one, other) = tokio::join!(self.ask(op, path, body), self.ask(op, path, body));
        one.or(other)
    }

    async fn ask(&self, op: &str, path: &str, body: &Value) -> Option<Answer> {
        let mut pause = FIRST_PAUSE;
        loop {
            let since = self.history.now();
            let attempt = self.attempt(op, path, body).await;
            let (outcome, answer) = attempt.unwrap_or_else(|reason| (unknown(&reason), None));
            let again = matches!(outcome, Outcome::Unknown { .. });
            self.history.note(Entry::Ended { op: op.to_owned(), since, outcome });
            if !again || Instant::now() > self.give_up {
                return answer;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// `Err` is what may have happened or not.
    async fn attempt(
        &self,
        op: &str,
        path: &str,
        body: &Value,
    ) -> Result<(Outcome, Option<Answer>), String> {
        match self.post(op, path, body).await? {
            Reply::Done(bytes) => {
                let (outcome, answer) = accepted(&bytes)?;
                Ok((outcome, Some(answer)))
            }
            Reply::Refused { status, code } => Ok((Outcome::Refused { status, code }, None)),
        }
    }

    /// One request; `Err` is what may have happened or not.
    async fn post(&self, op: &str, path: &str, body: &Value) -> Result<Reply, String> {
        let url = format!("{}{path}", self.write_api);
        let request = self.http.post(url).bearer_auth(&self.partner_key).timeout(ATTEMPT);
        let key = format!("{op}-of-{}", self.seed);
        let answer = request.header("idempotency-key", key).json(body).send().await;
        let answer = answer.map_err(|error| kind_of(&error))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| kind_of(&error))?;
        if status.is_success() {
            return Ok(Reply::Done(bytes));
        }
        let told: Value = serde_json::from_slice(&bytes).map_err(|_| format!("{status}"))?;
        let code = told["code"].as_str().unwrap_or_default().to_owned();
        if passes(status, &code) {
            return Err(format!("{} {code}", status.as_u16()));
        }
        Ok(Reply::Refused { status: status.as_u16(), code })
    }

    /// "Did I really order this?" A reader that sends the position of its write sees it, or is told that it does not.
    async fn look(&self, wrote: &Answer) {
        let url = format!("{}/v1/orders/{}", self.read_api, wrote.order_id);
        let request = self.http.get(url).bearer_auth(&self.partner_key).timeout(ATTEMPT);
        let answer = request.header("mes-min-position", &wrote.position).send().await;
        // Nobody answered: that is not a wrong answer.
        let Ok(answer) = answer else { return };
        let status = answer.status();
        let excused = answer.headers().contains_key("mes-stale")
            || !(status.is_success() || status == StatusCode::NOT_FOUND);
        let Ok(body) = answer.json::<Value>().await else { return };
        let seen = body["order"]["version"].as_u64();
        let Answer { order_id, version, .. } = *wrote;
        self.history.note(Entry::Read { order_id, wrote: version, seen, excused });
    }

    async fn shop(&self, number: u64, dice: &mut Dice, post: &Post) {
        let external_id = format!("S{}-{number}", self.seed);
        let op = format!("publish-{number}");
        let Ok(shop_order_id) = external_id.clone().try_into() else { return };
        let call = Call::Publish { external_id };
        let spec = WorkSpec { model_id: self.model_id.clone(), ..samples::spec() };
        let message = Inbound::ShopOrderSubmitted(OrderSubmitted::new(shop_order_id, spec));
        let id = format!("{op}-of-{}", self.seed);
        // A time of its own would make a twin another message.
        let time = chrono::DateTime::UNIX_EPOCH;
        let letter = Letter::new(message, id, time, None);
        self.publish(&op, call, letter, dice.chance(TWICE), post).await;
    }

    async fn poison(&self, number: u64, post: &Post) {
        let body = format!("nobody can read this: {}-{number}", self.seed);
        let op = format!("poison-{number}");
        let letter = Letter {
            routing_key: "shop.order.submitted".to_owned(),
            id: format!("{op}-of-{}", self.seed),
            headers: Vec::new(),
            body: body.clone().into_bytes(),
        };
        self.publish(&op, Call::Poison { body }, letter, false, post).await;
    }

    /// Publishes until the broker has it.
    async fn publish(&self, op: &str, call: Call, letter: Letter, twice: bool, post: &Post) {
        publish(&self.history, op, call, letter, twice, post, self.give_up).await;
    }
}

/// Publishes until the broker has it, and notes both.
pub async fn publish(
    history: &History,
    op: &str,
    call: Call,
    letter: Letter,
    twice: bool,
    post: &Post,
    give_up: Instant,
) {
    let since = history.now();
    history.note(Entry::Invoked { op: op.to_owned(), call });
    let sending = async {
        if twice {
            let (one, other) = tokio::join!(post.send(letter.clone()), post.send(letter.clone()));
            one.is_ok() || other.is_ok()
        } else {
            post.send(letter.clone()).await.is_ok()
        }
    };
    let sent = tokio::time::timeout_at(give_up.into(), sending).await;
    let outcome = if sent.unwrap_or(false) {
        Outcome::Confirmed
    } else {
        Outcome::Unknown { reason: "no confirm".to_owned() }
    };
    history.note(Entry::Ended { op: op.to_owned(), since, outcome });
}

/// What the service said, and will not take back.
enum Reply {
    Done(Bytes),
    Refused { status: u16, code: String },
}

/// Not the last word: the same request may be answered a moment later.
fn passes(status: StatusCode, code: &str) -> bool {
    status.is_server_error()
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
        || code == "in-progress"
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}

/// What is said of an order that was accepted; whoever does not understand it knows nothing.
fn accepted(told: &[u8]) -> Result<(Outcome, Answer), String> {
    let value: Value = serde_json::from_slice(told).unwrap_or_default();
    let answer = understood(&value).ok_or("an answer that nobody understands")?;
    let Answer { order_id, version, .. } = answer;
    Ok((Outcome::Ok { order_id, version, answer: hex::encode(Sha256::digest(told)) }, answer))
}

fn understood(told: &Value) -> Option<Answer> {
    Some(Answer {
        order_id: told["order"]["order_id"].as_str()?.parse().ok()?,
        version: told["order"]["version"].as_u64()?,
        position: told["position"].as_str()?.to_owned(),
    })
}

/// A word for the history; addresses and ports would make every line different.
fn kind_of(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "not connected"
    } else {
        "connection broke"
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_order_is_both_called_off_and_confirmed() {
        assert!((0..1_000).all(|number| !(is_called_off(number) && is_approved(number))));
        assert_eq!(number_in("F7-1234"), Some(1_234));
        assert_eq!(number_in("4711"), None);
    }
}
