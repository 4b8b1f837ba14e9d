//! The orders of this run that have not come to their end: how long the price took, who is late, and whether every
//! order ended as its story says.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use shared::ids::OrderId;
use shared::order::Status;

use super::story::{End, Story};

/// What somebody says about an order.
#[derive(Debug, Clone)]
pub struct News {
    /// Its number at the shop or the partner.
    pub external_id: String,
    /// Ours.
    pub order_id: OrderId,
    /// How many events it has.
    pub version: u64,
    /// The status that holds.
    pub status: Status,
    /// Whether no price can be made.
    pub price_failed: bool,
}

/// An order that came to its end.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its number.
    pub external_id: String,
    /// Ours.
    pub order_id: OrderId,
    /// How it ended.
    pub end: End,
}

#[derive(Debug)]
struct Open {
    story: Story,
    since: Instant,
    submitted: Option<Instant>,
    news: Option<News>,
    heard: Instant,
}

/// Open orders, at most so many: beyond that the oldest are no longer watched.
#[derive(Debug)]
pub struct Book {
    open: HashMap<String, Open>,
    age: VecDeque<String>,
    capacity: usize,
    until: Status,
    keep_ended: bool,
    ended: Vec<Ended>,
    ends: BTreeMap<End, u64>,
    unexpected: Vec<String>,
    forgotten: u64,
    price_ms: Histogram<u64>,
}

/// More lines than this help nobody.
const MOST_LINES: usize = 50;
const LONGEST_MS: u64 = 3_600_000;

impl Book {
    /// An empty book. An order has ended when it reached `until` or cannot reach it any more; ended orders are
    /// kept when they are to be looked at in the end.
    ///
    /// # Panics
    /// Never: the bounds of the histogram are constants.
    pub fn new(capacity: usize, until: Status, keep_ended: bool) -> Self {
        Self {
            open: HashMap::new(),
            age: VecDeque::new(),
            capacity,
            until,
            keep_ended,
            ended: Vec::new(),
            ends: BTreeMap::new(),
            unexpected: Vec::new(),
            forgotten: 0,
            price_ms: Histogram::new_with_bounds(1, LONGEST_MS, 2)
                .expect("the bounds of a histogram are constants"),
        }
    }

    /// An order is about to be sent.
    pub fn add(&mut self, external_id: &str, now: Instant) {
        while self.age.len() >= self.capacity {
            let Some(oldest) = self.age.pop_front() else { break };
            self.forgotten += u64::from(self.open.remove(&oldest).is_some());
        }
        let story = Story::of(external_id);
        let open = Open { story, since: now, submitted: None, news: None, heard: now };
        self.open.insert(external_id.to_owned(), open);
        self.age.push_back(external_id.to_owned());
    }

    /// "Make order" was pressed: the clock of the price runs.
    pub fn submitted(&mut self, external_id: &str, now: Instant) {
        if let Some(open) = self.open.get_mut(external_id) {
            open.submitted.get_or_insert(now);
        }
    }

    /// Somebody says something about an order; old news and other people's orders are passed over.
    pub fn hear(&mut self, news: &News, now: Instant) {
        let end = self.end_of(news);
        let Some(open) = self.open.get_mut(&news.external_id) else { return };
        open.heard = now;
        let known = open.news.as_ref().map_or(0, |news| news.version);
        if news.version <= known {
            return;
        }
        let was_priced = open.news.as_ref().is_some_and(|news| is_priced(news.status));
        if let Some(submitted) = open.submitted.filter(|_| !was_priced && is_priced(news.status)) {
            let elapsed = u64::try_from((now - submitted).as_millis()).unwrap_or(LONGEST_MS);
            self.price_ms.saturating_record(elapsed);
        }
        open.news = Some(news.clone());
        if let Some(end) = end {
            self.close(news, end);
        }
    }

    fn end_of(&self, news: &News) -> Option<End> {
        match news.status {
            Status::Cancelled => Some(End::Cancelled),
            Status::Closed => Some(End::Closed),
            _ if news.price_failed => Some(End::PriceFailed),
            status if status >= self.until => Some(End::Reached(self.until)),
            _ => None,
        }
    }

    fn close(&mut self, news: &News, end: End) {
        let Some(open) = self.open.remove(&news.external_id) else { return };
        self.age.retain(|open| *open != news.external_id);
        *self.ends.entry(end).or_default() += 1;
        if !is_as_told(&open.story, end) && self.unexpected.len() < MOST_LINES {
            let (told, number) = (open.story.end(), &news.external_id);
            self.unexpected.push(format!("{number} ended {end:?}, its story ends {told:?}"));
        }
        if self.keep_ended {
            let (external_id, order_id) = (news.external_id.clone(), news.order_id);
            self.ended.push(Ended { external_id, order_id, end });
        }
    }

    /// How many orders are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Open orders that nobody spoke of for a while, the oldest first, at most `most`.
    pub fn silent(&self, since: Duration, most: usize, now: Instant) -> Vec<String> {
        let silent =
            |number: &&String| self.open.get(*number).is_some_and(|open| now - open.heard >= since);
        self.age.iter().filter(silent).take(most).cloned().collect()
    }

    /// One line for each open order, the oldest first.
    pub fn late(&self, now: Instant) -> Vec<String> {
        let line = |number: &String| {
            let open = self.open.get(number)?;
            let status = open.news.as_ref().map_or("not heard of", |news| news.status.as_str());
            let age = (now - open.since).as_secs();
            Some(format!("{number}: {status}, sent {age} s ago, {:?}", open.story.oddity))
        };
        self.age.iter().filter_map(line).take(MOST_LINES).collect()
    }

    /// Orders that ended, when they are kept.
    pub fn ended(&self) -> &[Ended] {
        &self.ended
    }

    /// How many ended how.
    pub const fn ends(&self) -> &BTreeMap<End, u64> {
        &self.ends
    }

    /// Orders that ended in another way than their story.
    pub fn unexpected(&self) -> &[String] {
        &self.unexpected
    }

    /// How many were no longer watched.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// From "make order" to the news of the price: so many per cent were faster.
    pub fn price_within(&self, percent: f64) -> Option<Duration> {
        let millis = self.price_ms.value_at_percentile(percent);
        (!self.price_ms.is_empty()).then(|| Duration::from_millis(millis))
    }
}

fn is_priced(status: Status) -> bool {
    (Status::PriceCalculated..=Status::Closed).contains(&status)
}

/// Whoever looks no further than to a status cannot tell what comes after it.
fn is_as_told(story: &Story, end: End) -> bool {
    match end {
        End::Reached(_) => story.end() != End::PriceFailed,
        end => story.end() == end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn news(external_id: &str, version: u64, status: Status) -> News {
        News {
            external_id: external_id.to_owned(),
            order_id: OrderId::new(Uuid::from_u128(1)),
            version,
            status,
            price_failed: false,
        }
    }

    fn book(until: Status) -> (Book, Instant) {
        let (mut book, now) = (Book::new(2, until, true), Instant::now());
        book.add("plain", now);
        (book, now)
    }

    #[test]
    fn an_order_ends_when_it_is_as_far_as_one_wants_to_look() {
        let (mut book, now) = book(Status::PriceCalculated);
        book.submitted("plain", now);
        book.hear(&news("plain", 3, Status::Submitted), now);
        assert_eq!(book.open(), 1);
        let later = now + Duration::from_secs(2);
        book.hear(&news("plain", 5, Status::PriceCalculated), later);
        assert_eq!(book.open(), 0);
        assert_eq!(book.ended()[0].end, End::Reached(Status::PriceCalculated));
        assert!(book.unexpected().is_empty());
        let median = book.price_within(50.0).unwrap().as_secs_f64();
        assert!((1.9..2.1).contains(&median), "{median}");
    }

    #[test]
    fn old_news_change_nothing() {
        let (mut book, now) = book(Status::Closed);
        book.hear(&news("plain", 9, Status::Shipped), now);
        book.hear(&news("plain", 5, Status::PriceCalculated), now);
        assert!(book.late(now)[0].contains("SHIPPED"));
    }

    #[test]
    fn an_end_that_nobody_told_is_noticed() {
        let (mut book, now) = book(Status::Closed);
        book.hear(&news("plain", 9, Status::Cancelled), now);
        assert_eq!(book.unexpected().len(), 1);
        assert_eq!(book.ends()[&End::Cancelled], 1);
    }

    #[test]
    fn the_book_has_a_last_page() {
        let (mut book, now) = book(Status::Closed);
        book.add("second", now);
        book.add("third", now);
        assert_eq!((book.open(), book.forgotten()), (2, 1));
        book.hear(&news("plain", 9, Status::Closed), now);
        assert!(book.ends().is_empty(), "it is no longer watched");
    }

    #[test]
    fn who_is_silent_is_asked_for() {
        let (mut book, now) = book(Status::Closed);
        book.add("second", now);
        let later = now + Duration::from_secs(10);
        book.hear(&news("second", 1, Status::Submitted), later);
        assert_eq!(book.silent(Duration::from_secs(5), 10, later), ["plain"]);
    }
}
