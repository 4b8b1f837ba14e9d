//! Compares what the outside world saw with what the system says in the end. A pure function: facts in, violations out.
//!
//! The rules, each a function below:
//!
//! 1. every acknowledged order exists, under the id that was told, with one submission in the log;
//! 2. every order was asked for by somebody;
//! 3. each command took effect exactly once if it was acknowledged, at most once if nobody knows, never if refused;
//! 4. every order that was not called off has exactly one price;
//! 5. versions per order have no hole and positions grow with them, in the log, on the rows and on the board;
//! 6. CRM and shop received everything that they are to be told of, each order's news in order, and nothing else;
//! 7. the board's counts equal a recount; the read API shows what the board has;
//! 8. a repeated command got the same answer, byte for byte;
//! 9. nothing was acknowledged while the synchronous standby could not have it, and the standby has everything;
//! 10. whoever asked for their own write saw it, or was told that it is not there yet;
//! 11. nothing is left over in queues, dead letters, waiting or parked, but for the poison that was sent;
//! 12. the system came to rest in time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use shared::contracts::outbound::OUTBOUND;
use uuid::Uuid;

/// How sure somebody is that something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The service said that it would not.
    Refused,
    /// It may have been.
    Unknown,
    /// It was acknowledged.
    Done,
}

/// How an order comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// From a partner, over REST.
    Partner,
    /// From the shop, as a message.
    Shop,
}

/// An order as whoever ordered it knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Over which channel.
    pub channel: Channel,
    /// Whether it was accepted.
    pub certainty: Certainty,
    /// The ids that were told; one, if all is well.
    pub told: BTreeSet<Uuid>,
}

/// An acknowledged write, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Which operation.
    pub op: String,
    /// When the attempt began, milliseconds.
    pub since: u64,
    /// When it ended.
    pub at: u64,
}

/// A message that a stand-in received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The event's id.
    pub event: String,
    /// Whose.
    pub order_id: Uuid,
    /// Which.
    pub version: u64,
    /// What.
    pub kind: &'static str,
}

/// Somebody asked for their own write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
    /// Of which order.
    pub order_id: Uuid,
    /// What they wrote.
    pub wrote: u64,
    /// What they saw.
    pub seen: Option<u64>,
    /// Whether they were told that it may be older.
    pub excused: bool,
}

/// A row of the write side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its id.
    pub order_id: Uuid,
    /// The version of the row.
    pub version: u64,
    /// Its status.
    pub status: String,
    /// The number that shop or partner know.
    pub external_id: String,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place.
    pub position: u64,
    /// Whose.
    pub order_id: Uuid,
    /// Which of that order.
    pub version: u64,
    /// What.
    pub kind: &'static str,
}

/// A row of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardRow {
    /// Whose.
    pub order_id: Uuid,
    /// As of which version.
    pub version: u64,
    /// Its status.
    pub status: String,
}

/// A message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAside {
    /// `waiting` or `parked`.
    pub state: String,
    /// Its bytes, as far as they are text.
    pub body: String,
    /// Why.
    pub reason: String,
}

/// What the outside world saw; all of it is from the history.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Orders by the number that their owners gave them.
    pub asked: BTreeMap<String, Asked>,
    /// Orders that were called off.
    pub cancelled: BTreeMap<Uuid, Certainty>,
    /// Orders that the CRM confirmed.
    pub approved: BTreeMap<Uuid, Certainty>,
    /// Bodies of messages that nobody can read.
    pub poison: BTreeMap<String, Certainty>,
    /// The different answers to each operation.
    pub answers: BTreeMap<String, BTreeSet<String>>,
    /// Acknowledged writes over REST.
    pub acknowledged: Vec<Acknowledged>,
    /// When the standby was frozen, from and to.
    pub frozen: Vec<(u64, u64)>,
    /// What each stand-in received, in order.
    pub receipts: BTreeMap<String, Vec<Receipt>>,
    /// What became of reading one's own writes.
    pub reads: Vec<ReadBack>,
    /// Faults that hit.
    pub hits: usize,
}

/// What the system says in the end.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The rows that decide.
    pub orders: Vec<OrderRow>,
    /// The log, by position.
    pub events: Vec<EventRow>,
    /// The board's rows.
    pub board: Vec<BoardRow>,
    /// The counts that the read API answers, by status.
    pub counts: BTreeMap<String, u64>,
    /// What the read API shows of some orders: the version, if it has the order.
    pub cards: BTreeMap<Uuid, Option<u64>>,
    /// Orders and events on the standby.
    pub standby: (u64, u64),
    /// Messages in queues, by queue; empty ones are left out.
    pub queues: BTreeMap<String, u64>,
    /// Messages that were not applied.
    pub put_aside: Vec<PutAside>,
    /// Deliveries that are parked.
    pub parked_deliveries: u64,
    /// Pricing jobs that are neither done nor given up.
    pub open_jobs: u64,
    /// What was still going on when patience ended; empty when the system came to rest.
    pub unrest: Vec<String>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The rule, in a word or two.
    pub rule: &'static str,
    /// What exactly.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// Everything that is not as it must be.
pub fn check(seen: &Seen, said: &Said) -> Vec<Violation> {
    let log = Log::of(said);
    let mut found = Findings::default();
    acknowledged_orders_exist(seen, &log, &mut found);
    orders_were_asked_for(seen, said, &mut found);
    commands_took_effect_once(seen, &log, &mut found);
    prices_are_made_once(seen, said, &log, &mut found);
    versions_have_no_holes(said, &log, &mut found);
    the_board_shows_the_log(said, &mut found);
    recipients_heard_everything(seen, &log, &mut found);
    counts_equal_a_recount(said, &mut found);
    answers_are_repeated(seen, &mut found);
    the_standby_has_what_was_acknowledged(seen, said, &mut found);
    own_writes_are_seen(seen, &mut found);
    nothing_is_left_over(seen, said, &mut found);
    found.0
}

#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, rule: &'static str, what: impl Into<String>) {
        self.0.push(Violation { rule, what: what.into() });
    }
}

/// The log by order, and orders by the number of their owners.
struct Log<'a> {
    events: HashMap<Uuid, Vec<&'a EventRow>>,
    orders: HashMap<&'a str, Vec<&'a OrderRow>>,
}

impl<'a> Log<'a> {
    fn of(said: &'a Said) -> Self {
        let mut events: HashMap<Uuid, Vec<&EventRow>> = HashMap::new();
        for event in &said.events {
            events.entry(event.order_id).or_default().push(event);
        }
        let mut orders: HashMap<&str, Vec<&OrderRow>> = HashMap::new();
        for order in &said.orders {
            orders.entry(&order.external_id).or_default().push(order);
        }
        Self { events, orders }
    }

    fn of_order(&self, order_id: Uuid) -> &[&'a EventRow] {
        self.events.get(&order_id).map(Vec::as_slice).unwrap_or_default()
    }

    fn count(&self, order_id: Uuid, kind: &str) -> usize {
        self.of_order(order_id).iter().filter(|event| event.kind == kind).count()
    }
}

fn acknowledged_orders_exist(seen: &Seen, log: &Log<'_>, found: &mut Findings) {
    for (number, asked) in &seen.asked {
        let rows = log.orders.get(number.as_str()).map(Vec::as_slice).unwrap_or_default();
        if rows.len() > 1 {
            found.add("doubled order", format!("{number} is {} orders", rows.len()));
        }
        match (rows.first(), asked.certainty) {
            (None, Certainty::Done) => found.add("lost order", number),
            (Some(_), Certainty::Refused) => {
                found.add("refused and done", format!("{number} was refused and is an order"));
            }
            (Some(row), _) => {
                let submissions = log.count(row.order_id, "submitted");
                if submissions != 1 {
                    found.add("lost order", format!("{number} has {submissions} submissions"));
                }
            }
            (None, _) => {}
        }
        for told in &asked.told {
            if !rows.iter().any(|row| row.order_id == *told) {
                found.add("lost order", format!("{number} was told to be {told}, which is not"));
            }
        }
    }
}

fn orders_were_asked_for(seen: &Seen, said: &Said, found: &mut Findings) {
    for order in &said.orders {
        if !seen.asked.contains_key(&order.external_id) {
            found.add("unasked order", format!("{} ({})", order.external_id, order.order_id));
        }
    }
}

fn commands_took_effect_once(seen: &Seen, log: &Log<'_>, found: &mut Findings) {
    let commands = [("cancelled", &seen.cancelled), ("manufacturing-approved", &seen.approved)];
    for (kind, asked) in commands {
        for (order_id, certainty) in asked {
            let done = log.count(*order_id, kind);
            let as_told = match certainty {
                Certainty::Done => done == 1,
                Certainty::Unknown => done <= 1,
                Certainty::Refused => done == 0,
            };
            if !as_told {
                let what =
                    format!("{order_id}: {kind} {done} times, its sender knows {certainty:?}");
                found.add("effect of a command", what);
            }
        }
        for order_id in log.events.keys().filter(|id| !asked.contains_key(id)) {
            if log.count(*order_id, kind) > 0 {
                found.add("effect of a command", format!("{order_id}: {kind}, and nobody asked"));
            }
        }
    }
}

fn prices_are_made_once(seen: &Seen, said: &Said, log: &Log<'_>, found: &mut Findings) {
    for order in &said.orders {
        let prices = log.count(order.order_id, "price-calculated");
        let called_off = seen.cancelled.contains_key(&order.order_id);
        if prices > 1 || (prices == 0 && !called_off) {
            let what = format!("{} ({}) has {prices} prices", order.external_id, order.status);
            found.add("one price", what);
        }
    }
}

fn versions_have_no_holes(said: &Said, log: &Log<'_>, found: &mut Findings) {
    let rows: HashMap<Uuid, u64> =
        said.orders.iter().map(|row| (row.order_id, row.version)).collect();
    for (order_id, events) in &log.events {
        let expected = (1..).zip(events);
        let whole = expected.clone().all(|(version, event)| event.version == version);
        if !whole {
            let versions: Vec<u64> = events.iter().map(|event| event.version).collect();
            found.add("versions in the log", format!("{order_id}: {versions:?}"));
        }
        let last = events.last().map_or(0, |event| event.version);
        match rows.get(order_id) {
            Some(version) if *version == last => {}
            row => found.add("row and log", format!("{order_id}: row {row:?}, log {last}")),
        }
    }
    for row in rows.keys().filter(|id| !log.events.contains_key(id)) {
        found.add("row and log", format!("{row} has a row and no events"));
    }
}

fn the_board_shows_the_log(said: &Said, found: &mut Findings) {
    let board: HashMap<Uuid, &BoardRow> =
        said.board.iter().map(|row| (row.order_id, row)).collect();
    for order in &said.orders {
        match board.get(&order.order_id) {
            None => found.add("board", format!("{} is not on the board", order.external_id)),
            Some(row) if row.version != order.version || row.status != order.status => {
                let what = format!(
                    "{} is {} ({}), the board says {} ({})",
                    order.external_id, order.status, order.version, row.status, row.version
                );
                found.add("board", what);
            }
            Some(_) => {}
        }
    }
    if said.board.len() > said.orders.len() {
        let more = said.board.len() - said.orders.len();
        found.add("board", format!("{more} rows of orders that are not"));
    }
    let versions: HashMap<Uuid, u64> =
        said.orders.iter().map(|row| (row.order_id, row.version)).collect();
    for (order_id, shown) in &said.cards {
        if versions.get(order_id) != shown.as_ref() {
            let version = versions.get(order_id);
            let what = format!("{order_id} is {version:?}, the read API shows {shown:?}");
            found.add("read API", what);
        }
    }
}

fn recipients_heard_everything(seen: &Seen, log: &Log<'_>, found: &mut Findings) {
    let partners = partners_orders(seen, log);
    for (recipient, receipts) in &seen.receipts {
        let mut heard: HashMap<Uuid, Vec<u64>> = HashMap::new();
        let mut ids: BTreeSet<&str> = BTreeSet::new();
        for receipt in receipts {
            // Whoever listens ignores what it has seen, by id.
            if !ids.insert(&receipt.event) {
                continue;
            }
            let versions = heard.entry(receipt.order_id).or_default();
            if versions.last().is_some_and(|last| *last >= receipt.version) {
                let what = format!(
                    "{recipient}: {} version {} after {versions:?}",
                    receipt.order_id, receipt.version
                );
                found.add("order of news", what);
            }
            versions.push(receipt.version);
            let events = log.of_order(receipt.order_id);
            if !events.iter().any(|e| e.version == receipt.version && e.kind == receipt.kind) {
                found.add("news of nothing", format!("{recipient}: {}", receipt.event));
            }
        }
        for (order_id, events) in &log.events {
            let is_partners = partners.contains(order_id);
            let heard = heard.get(order_id).map(Vec::as_slice).unwrap_or_default();
            let to_be_told = events.iter().filter(|e| is_told(recipient, e.kind, is_partners));
            for event in to_be_told.filter(|event| !heard.contains(&event.version)) {
                let what =
                    format!("{recipient}: {order_id} version {} {}", event.version, event.kind);
                found.add("lost news", what);
            }
        }
    }
}

/// Orders that came over REST.
fn partners_orders(seen: &Seen, log: &Log<'_>) -> BTreeSet<Uuid> {
    let partners = seen.asked.iter().filter(|(_, asked)| asked.channel == Channel::Partner);
    let rows = partners.filter_map(|(number, _)| log.orders.get(number.as_str())).flatten();
    rows.map(|row| row.order_id).collect()
}

/// The contract's table of who is told of what; the shop hears of its own orders only.
fn is_told(recipient: &str, kind: &str, is_partners: bool) -> bool {
    let told = OUTBOUND.iter().find(|told| told.event == kind);
    told.is_some_and(|told| match recipient {
        "shop" => told.shop && !is_partners,
        _ => told.crm,
    })
}

fn counts_equal_a_recount(said: &Said, found: &mut Findings) {
    let mut recount: BTreeMap<&str, u64> = BTreeMap::new();
    for order in &said.orders {
        *recount.entry(&order.status).or_default() += 1;
    }
    let statuses: BTreeSet<&str> =
        recount.keys().copied().chain(said.counts.keys().map(String::as_str)).collect();
    for status in statuses {
        let counted = recount.get(status).copied().unwrap_or(0);
        let told = said.counts.get(status).copied().unwrap_or(0);
        if counted != told {
            found.add("counts", format!("{status}: {told} told, {counted} counted"));
        }
    }
}

fn answers_are_repeated(seen: &Seen, found: &mut Findings) {
    for (op, answers) in seen.answers.iter().filter(|(_, answers)| answers.len() > 1) {
        found.add("repeated answer", format!("{op} has {} different answers", answers.len()));
    }
}

fn the_standby_has_what_was_acknowledged(seen: &Seen, said: &Said, found: &mut Findings) {
    for ack in &seen.acknowledged {
        let blind = seen.frozen.iter().find(|(from, to)| ack.since > *from && ack.at < *to);
        if let Some((from, to)) = blind {
            let what = format!(
                "{} was acknowledged at {} ms, the standby was frozen from {from} to {to} ms",
                ack.op, ack.at
            );
            found.add("acknowledged without the standby", what);
        }
    }
    let primary = (count(said.orders.len()), count(said.events.len()));
    if said.standby != primary {
        let what = format!("orders and events: {:?} there, {primary:?} here", said.standby);
        found.add("standby", what);
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn own_writes_are_seen(seen: &Seen, found: &mut Findings) {
    for read in seen.reads.iter().filter(|read| !read.excused) {
        if read.seen.is_none_or(|version| version < read.wrote) {
            let what = format!("{}: wrote {}, saw {:?}", read.order_id, read.wrote, read.seen);
            found.add("own write", what);
        }
    }
}

fn nothing_is_left_over(seen: &Seen, said: &Said, found: &mut Findings) {
    let mut poison: BTreeMap<&str, usize> = BTreeMap::new();
    for message in &said.put_aside {
        let is_poison = message.reason == "not-json" && seen.poison.contains_key(&message.body);
        if message.state == "parked" && is_poison {
            *poison.entry(&message.body).or_default() += 1;
        } else {
            let what = format!("{}: {} ({:.80})", message.state, message.reason, message.body);
            found.add("left over", what);
        }
    }
    for (body, certainty) in &seen.poison {
        let parked = poison.get(body.as_str()).copied().unwrap_or(0);
        if parked == 0 && *certainty == Certainty::Done {
            found.add("lost message", format!("{body} is not parked"));
        }
        if parked > 1 {
            found.add("parked twice", format!("{body} is parked {parked} times"));
        }
    }
    for (queue, depth) in &said.queues {
        found.add("left over", format!("{depth} messages in {queue}"));
    }
    if said.parked_deliveries > 0 {
        found.add("left over", format!("{} parked deliveries", said.parked_deliveries));
    }
    if said.open_jobs > 0 {
        found.add("left over", format!("{} open pricing jobs", said.open_jobs));
    }
    for unrest in &said.unrest {
        found.add("no rest", unrest);
    }
}

#[cfg(test)]
mod tests;
