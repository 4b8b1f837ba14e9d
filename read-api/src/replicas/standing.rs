//! What a server is known to show, without asking it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared::ids::OrderId;
use shared::position::Position;

use crate::filter::View;

/// More changed orders than this are not remembered one by one.
pub const REMEMBERED_ORDERS: usize = 4_096;

/// What one snapshot of a server said. Immutable: the poller puts a new one in its place.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Every event up to here is visible there.
    pub position: Position,
    /// Everything that happened before this moment is visible there.
    pub as_of: DateTime<Utc>,
    views: Arc<HashMap<String, u64>>,
    orders: Arc<ChangedOrders>,
}

/// Which orders changed lately, so that a card can be proved current without asking.
#[derive(Debug, Clone, Default)]
struct ChangedOrders {
    /// An order that is not listed did not change after this position.
    since: u64,
    positions: HashMap<OrderId, u64>,
}

/// What changed between two looks at a server.
#[derive(Debug, Default)]
pub struct News {
    /// Views that moved, with their new versions.
    pub views: Vec<(String, u64)>,
    /// Orders that changed, with the position of their last event; `None` when there were too many.
    pub orders: Option<Vec<(OrderId, u64)>>,
}

impl Standing {
    /// The first look at a server, or the first one after its log began anew.
    pub fn first(position: Position, as_of: DateTime<Utc>, views: Vec<(String, u64)>) -> Self {
        let orders = ChangedOrders { since: position.position, positions: HashMap::new() };
        Self {
            position,
            as_of,
            views: Arc::new(views.into_iter().collect()),
            orders: Arc::new(orders),
        }
    }

    /// The next look at the same life of the log.
    pub fn advanced(&self, position: Position, as_of: DateTime<Utc>, news: News) -> Self {
        let mut next = Self { position, as_of, ..self.clone() };
        if !news.views.is_empty() {
            Arc::make_mut(&mut next.views).extend(news.views);
        }
        match news.orders {
            Some(orders) if orders.is_empty() => {}
            orders => next.orders = Arc::new(self.orders.with(orders, position.position)),
        }
        next
    }

    /// Whether `position` continues what is known here, and does not begin another life of the log.
    pub fn is_continued_by(&self, position: Position) -> bool {
        position.covers(&self.position)
    }

    /// The version that a view has here, as far as that can be told without asking.
    ///
    /// An order has its version in its own row, which is not known here unless it changed lately, or `shown`,
    /// an earlier answer about it (with the position it was given at), can be shown to still hold.
    pub fn version_of(&self, view: View, shown: Option<(Position, u64)>) -> Option<u64> {
        match view {
            View::Order(order_id) => match self.orders.positions.get(&order_id) {
                Some(position) => Some(*position),
                None => shown.and_then(|(at, version)| {
                    let watched =
                        at.epoch == self.position.epoch && at.position >= self.orders.since;
                    watched.then_some(version)
                }),
            },
            screen => Some(self.views.get(&screen.to_string()).copied().unwrap_or(0)),
        }
    }
}

impl ChangedOrders {
    fn with(&self, changed: Option<Vec<(OrderId, u64)>>, position: u64) -> Self {
        let Some(changed) = changed else {
            return Self { since: position, positions: HashMap::new() };
        };
        let mut next = self.clone();
        next.positions.extend(changed);
        if next.positions.len() > REMEMBERED_ORDERS {
            next.forget_the_older_half();
        }
        next
    }

    fn forget_the_older_half(&mut self) {
        let mut positions: Vec<u64> = self.positions.values().copied().collect();
        let middle = positions.len() / 2;
        let (_, median, _) = positions.select_nth_unstable(middle);
        self.since = self.since.max(*median);
        let since = self.since;
        self.positions.retain(|_, position| *position > since);
    }
}

#[cfg(test)]
mod tests {
    use shared::order::Status;
    use uuid::Uuid;

    use super::*;

    const fn at(position: u64) -> Position {
        Position { epoch: 1, position }
    }

    fn order(number: u128) -> OrderId {
        OrderId::new(Uuid::from_u128(number))
    }

    fn changed(orders: &[(u128, u64)]) -> News {
        let orders = orders.iter().map(|(number, position)| (order(*number), *position)).collect();
        News { views: vec![], orders: Some(orders) }
    }

    #[test]
    fn a_view_that_nothing_touched_has_version_0() {
        let views = vec![("status:SUBMITTED".to_owned(), 7)];
        let standing = Standing::first(at(9), DateTime::UNIX_EPOCH, views);
        assert_eq!(standing.version_of(View::Status(Status::Submitted), None), Some(7));
        assert_eq!(standing.version_of(View::Status(Status::Closed), None), Some(0));
    }

    #[test]
    fn a_card_is_current_only_if_no_change_can_have_been_missed() {
        let card = View::Order(order(1));
        let standing = Standing::first(at(10), DateTime::UNIX_EPOCH, vec![]);
        assert_eq!(standing.version_of(card, None), None);
        assert_eq!(standing.version_of(card, Some((at(9), 3))), None, "seen before watching began");
        assert_eq!(standing.version_of(card, Some((at(10), 3))), Some(3));
        let other_life = Position { epoch: 2, position: 11 };
        assert_eq!(standing.version_of(card, Some((other_life, 3))), None);

        let standing = standing.advanced(at(12), DateTime::UNIX_EPOCH, changed(&[(1, 12)]));
        assert_eq!(standing.version_of(card, Some((at(10), 3))), Some(12));
    }

    #[test]
    fn after_too_many_changes_nothing_is_claimed_of_what_was_forgotten() {
        let mut standing = Standing::first(at(0), DateTime::UNIX_EPOCH, vec![]);
        for number in 1..=6_000_u64 {
            let news = changed(&[(u128::from(number), number)]);
            standing = standing.advanced(at(number), DateTime::UNIX_EPOCH, news);
        }
        assert_eq!(standing.version_of(View::Order(order(6_000)), None), Some(6_000));
        assert_eq!(standing.version_of(View::Order(order(1)), None), None);
        assert_eq!(standing.version_of(View::Order(order(1)), Some((at(1), 1))), None);

        let flood = News { views: vec![], orders: None };
        let standing = standing.advanced(at(9_000), DateTime::UNIX_EPOCH, flood);
        assert_eq!(standing.version_of(View::Order(order(6_000)), Some((at(6_000), 6_000))), None);
    }
}
