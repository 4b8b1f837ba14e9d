//! What a new rate card would have changed, told for people: totals, how changes spread, and the largest of them.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use shared::ids::OrderId;

use super::table::{Side, difference, per_cent, share, sum, table};
use super::what_if::Range;

/// An order's total by both cards, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// As it was priced.
    pub before: i64,
    /// By the new card.
    pub after: i64,
}

/// Orders counted and added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub orders: u64,
    /// Their totals as they were, minor units.
    pub before_minor: i128,
    /// Their totals by the new card, minor units.
    pub after_minor: i128,
}

/// Orders that a card has no price for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpriced {
    /// How many.
    pub orders: u64,
    /// The oldest of them.
    pub such_as: OrderId,
}

/// What the new card would have changed.
#[derive(Debug, PartialEq)]
pub struct Effect {
    /// Orders priced by both cards.
    pub priced: Group,
    /// Those that would have cost more.
    pub dearer: Group,
    /// Those that would have cost less.
    pub cheaper: Group,
    /// Orders that the new card could not have priced, by reason.
    pub unpriced: BTreeMap<&'static str, Unpriced>,
    /// Whether there were more orders than the limit.
    pub cut_off: bool,
    currency: String,
    range: Range,
    /// The largest changes, the largest first, equal ones by the order's id: never more than the range wants listed.
    largest: BTreeMap<(Reverse<u64>, OrderId), Change>,
    /// Changes as fractions of the old totals, in no order.
    shares: Vec<f64>,
}

impl Effect {
    /// Nothing seen yet.
    pub fn new(currency: &str, range: Range) -> Self {
        Self {
            priced: Group::default(),
            dearer: Group::default(),
            cheaper: Group::default(),
            unpriced: BTreeMap::new(),
            cut_off: false,
            currency: currency.to_owned(),
            range,
            largest: BTreeMap::new(),
            shares: Vec::new(),
        }
    }

    /// Orders looked at so far.
    pub fn seen(&self) -> u64 {
        self.priced.orders + self.unpriced.values().map(|unpriced| unpriced.orders).sum::<u64>()
    }

    /// An order that both cards price.
    #[expect(clippy::cast_precision_loss, reason = "a share of change, not money")]
    pub fn note(&mut self, order_id: OrderId, change: Change) {
        let Change { before, after } = change;
        self.priced.add(change);
        match after.cmp(&before) {
            Ordering::Greater => self.dearer.add(change),
            Ordering::Less => self.cheaper.add(change),
            Ordering::Equal => {}
        }
        self.shares.push((after - before) as f64 / before.max(1) as f64);
        if after != before {
            self.largest.insert((Reverse(after.abs_diff(before)), order_id), change);
            if self.largest.len() > self.range.list {
                self.largest.pop_last();
            }
        }
    }

    /// An order that the new card does not price.
    pub fn refuse(&mut self, code: &'static str, order_id: OrderId) {
        let unpriced = Unpriced { orders: 0, such_as: order_id };
        self.unpriced.entry(code).or_insert(unpriced).orders += 1;
    }

    /// Orders whose price would have been another one.
    pub const fn changed(&self) -> u64 {
        self.dearer.orders + self.cheaper.orders
    }

    /// The orders with the largest changes, the largest first.
    pub fn largest(&self) -> impl ExactSizeIterator<Item = (OrderId, Change)> {
        self.largest.iter().map(|((_, order_id), change)| (*order_id, *change))
    }

    /// The changes that so many per cent of the orders do not exceed; `None` without orders.
    pub fn percentiles<const N: usize>(&self, percents: [usize; N]) -> Option<[f64; N]> {
        let mut shares = self.shares.clone();
        shares.sort_unstable_by(f64::total_cmp);
        let last = shares.len().checked_sub(1)?;
        Some(percents.map(|percent| shares[(last * percent.min(100) + 50) / 100]))
    }
}

impl Group {
    fn add(&mut self, Change { before, after }: Change) {
        self.orders += 1;
        self.before_minor += i128::from(before);
        self.after_minor += i128::from(after);
    }

    fn row(&self, name: &str) -> [String; 6] {
        let (before, after) = (self.before_minor, self.after_minor);
        let change = if self.orders == 0 { "-".to_owned() } else { per_cent(before, after) };
        let sums = [sum(before), sum(after), difference(after - before)];
        let [before, after, moved] = sums;
        [name.to_owned(), sum(self.orders.into()), before, after, moved, change]
    }
}

const GROUPS: [&str; 6] = ["", "orders", "before", "after", "change", ""];
const CHANGES: [&str; 5] = ["order", "before", "after", "change", ""];
const PERCENTILES: [usize; 7] = [0, 5, 25, 50, 75, 95, 100];

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; totals with tax, in minor units of {}\n", self.which(), self.currency)?;
        self.show_groups(f)?;
        self.show_unpriced(f)?;
        self.show_spread(f)?;
        self.show_largest(f)
    }
}

impl Effect {
    fn which(&self) -> String {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let from = self.range.from.map(|at| format!(" made from {} on", time(at)));
        let to = self.range.to.map(|at| format!(" made before {}", time(at)));
        let made = match (from, to) {
            (Some(from), Some(to)) => format!("{from} and{to}"),
            (from, to) => from.or(to).unwrap_or_default(),
        };
        if self.cut_off {
            let limit = sum(self.range.limit.into());
            format!("The first {limit} priced orders{made}; there are MORE, see --limit")
        } else {
            format!("All priced orders{made}")
        }
    }

    fn show_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = self.priced.less(&self.dearer).less(&self.cheaper);
        let rows = [
            GROUPS.map(str::to_owned),
            self.dearer.row("dearer"),
            self.cheaper.row("cheaper"),
            same.row("the same"),
            self.priced.row("together"),
        ];
        f.write_str(&table([LEFT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT], &rows))
    }

    fn show_unpriced(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unpriced.is_empty() {
            return Ok(());
        }
        let row = |(code, unpriced): (&&str, &Unpriced)| {
            let such_as = format!("such as {}", unpriced.such_as);
            [sum(unpriced.orders.into()), (*code).to_owned(), such_as]
        };
        let rows: Vec<_> = self.unpriced.iter().map(row).collect();
        write!(f, "\nNo price by the new card, and in no sum:\n")?;
        f.write_str(&table([RIGHT, LEFT, LEFT], &rows))
    }

    fn show_spread(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(shares) = self.percentiles(PERCENTILES) else { return Ok(()) };
        let names = PERCENTILES.map(|percent| format!("p{percent}"));
        write!(f, "\nHow the change spreads over the orders:\n")?;
        f.write_str(&table([RIGHT; 7], &[names, shares.map(share)]))
    }

    fn show_largest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.largest.is_empty() {
            return Ok(());
        }
        let row = |(order_id, Change { before, after }): (OrderId, Change)| {
            let (before, after) = (i128::from(before), i128::from(after));
            let moved = difference(after - before);
            [order_id.to_string(), sum(before), sum(after), moved, per_cent(before, after)]
        };
        let rows: Vec<_> =
            [CHANGES.map(str::to_owned)].into_iter().chain(self.largest().map(row)).collect();
        let (listed, changed) = (sum_of(self.largest.len()), sum(self.changed().into()));
        let more = if listed == changed { "" } else { "; there are MORE, see --list" };
        write!(f, "\nThe largest changes, {listed} of {changed}{more}:\n")?;
        f.write_str(&table([LEFT, RIGHT, RIGHT, RIGHT, RIGHT], &rows))
    }
}

const LEFT: Side = Side::Left;
const RIGHT: Side = Side::Right;

fn sum_of(count: usize) -> String {
    sum(i128::try_from(count).unwrap_or(i128::MAX))
}

impl Group {
    fn less(self, other: &Self) -> Self {
        Self {
            orders: self.orders - other.orders,
            before_minor: self.before_minor - other.before_minor,
            after_minor: self.after_minor - other.after_minor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn effect(list: usize, changes: &[(i64, i64)]) -> Effect {
        let mut effect = Effect::new("RUB", Range { list, ..Range::default() });
        for (number, (before, after)) in (1..).zip(changes) {
            let order_id = OrderId::new(Uuid::from_u128(number));
            effect.note(order_id, Change { before: *before, after: *after });
        }
        effect
    }

    #[test]
    fn the_list_holds_the_largest_changes_and_says_that_there_are_more() {
        let effect = effect(2, &[(100, 90), (100, 130), (100, 100), (100, 80), (100, 120)]);
        let listed: Vec<_> = effect.largest().map(|(id, change)| (id, change.after)).collect();
        let id = |number| OrderId::new(Uuid::from_u128(number));
        assert_eq!(listed, [(id(2), 130), (id(4), 80)], "equal changes by the order's id");
        let shown = effect.to_string();
        assert!(shown.contains("2 of 4; there are MORE"), "{shown}");
        assert_eq!((effect.changed(), effect.largest().len()), (4, 2));
        assert_eq!(effect.percentiles([0, 50, 100]), Some([-0.2, 0.0, 0.3]));
    }

    #[test]
    fn without_orders_there_is_nothing_to_spread() {
        let shown = effect(20, &[]).to_string();
        assert!(shown.starts_with("All priced orders; totals"), "{shown}");
        assert!(!shown.contains("p50") && !shown.contains("largest"), "{shown}");
    }
}
