//! Operators at the board, through REST as the dashboard does it: they take an old order, make it, pack it, ship it;
//! sometimes they give it back, sometimes it has to be made again.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use shared::ids::OrderId;
use shared::order::Status;
use shared::views::{BoardRow, OrderView};

use super::book::News;
use super::story::Story;
use super::world::World;
use crate::broker::Stopping;
use crate::dice::Dice;
use crate::rest::{Api, Asking, BoardPage, CallError, seen};
use crate::stack::Person;

/// An operator casts several pieces at once; the MES would allow some more.
pub const IN_HAND: usize = 12;
/// From taking to shipping, on the average; what follows adds up to about this.
pub const SECONDS_IN_HAND: f64 = 60.0;
const MAKING: Range<f64> = 20.0..60.0;
const GIVING_UP: Range<f64> = 5.0..15.0;
const LOOKING_AT_THE_PIECE: Range<f64> = 3.0..10.0;
const PACKING: Range<f64> = 5.0..20.0;
/// Seldom enough that orders lie on the board for a moment, and that two seldom reach for the same one.
const BETWEEN_LOOKS: Range<f64> = 2.0..6.0;
/// However hurried the simulation is, a person at the board does not look more often than this.
const SHORTEST_LOOK: Duration = Duration::from_millis(50);
/// Orders that somebody else has moved are noticed this late.
const LOOKING_THROUGH_THE_DRAWER: Duration = Duration::from_secs(15);
/// Operators do not all reach for the very same order.
const REACH: usize = 5;
/// Rows of an old board that somebody was too late for, which are not reached for again.
const TOO_LATE_FOR: usize = 20;

/// What an operator does next with an order in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    GiveBack,
    Complete,
    Rework,
    Pack,
    Ship,
}

impl Act {
    /// What the story wants of an order in this status; nothing when it is not in hand.
    fn next(piece: &Piece<'_>) -> Option<Self> {
        let story = Story::of(piece.external_id);
        match piece.status {
            Status::ManufacturingStarted if story.given_back && !piece.was_given_back => {
                Some(Self::GiveBack)
            }
            Status::ManufacturingStarted => Some(Self::Complete),
            Status::ManufacturingCompleted if story.reworked && piece.reworks == 0 => {
                Some(Self::Rework)
            }
            Status::ManufacturingCompleted => Some(Self::Pack),
            Status::Packaging => Some(Self::Ship),
            _ => None,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::GiveBack => "give-back",
            Self::Complete => "complete",
            Self::Rework => "rework",
            Self::Pack => "pack",
            Self::Ship => "ship",
        }
    }

    /// How long it takes before it is done.
    const fn takes(self) -> Range<f64> {
        match self {
            Self::GiveBack => GIVING_UP,
            Self::Complete => MAKING,
            Self::Rework | Self::Pack => LOOKING_AT_THE_PIECE,
            Self::Ship => PACKING,
        }
    }

    fn body(self, version: u64, dice: &mut Dice) -> Value {
        let mut body = seen(version);
        match self {
            Self::GiveBack => body["reason"] = "the casting machine is occupied".into(),
            Self::Rework => body["reason"] = "a pore in the casting".into(),
            Self::Ship => body["tracking_number"] = tracking_number(dice.roll_32()).into(),
            Self::Complete | Self::Pack => {}
        }
        body
    }
}

fn tracking_number(number: u32) -> String {
    format!("RA{:09}RU", number % 1_000_000_000)
}

/// An order as far as an operator cares.
struct Piece<'a> {
    order_id: OrderId,
    external_id: &'a str,
    version: u64,
    status: Status,
    was_given_back: bool,
    reworks: u32,
}

impl<'a> From<&'a OrderView> for Piece<'a> {
    fn from(order: &'a OrderView) -> Self {
        Self {
            order_id: order.order_id,
            external_id: &order.external_id,
            version: order.version,
            status: order.status,
            was_given_back: order.give_backs > 0,
            reworks: order.reworks,
        }
    }
}

impl<'a> From<&'a BoardRow> for Piece<'a> {
    fn from(row: &'a BoardRow) -> Self {
        Self {
            order_id: row.order_id,
            external_id: &row.external_id,
            version: row.version,
            status: row.status,
            // A row does not say: whoever finds it in the drawer after a break makes it.
            was_given_back: true,
            reworks: row.reworks,
        }
    }
}

/// An order in hand and what will be done with it.
#[derive(Clone, Copy)]
struct InHand {
    version: u64,
    act: Act,
    due: Instant,
}

/// Somebody at the board.
struct Operator {
    world: Arc<World>,
    name: String,
    read: Api,
    write: Api,
    dice: Dice,
    in_hand: HashMap<OrderId, InHand>,
    /// Of the last own change: the board must not be older.
    position: Option<String>,
    looked_through: Option<Instant>,
    too_late_for: VecDeque<(OrderId, u64)>,
}

/// Works until everything stops.
pub async fn work(world: Arc<World>, person: Person) -> Result<(), Stopping> {
    let api = |base: &str| Api::new(&world.http, base, &person.token, &world.trouble);
    let mut operator = Operator {
        read: api(&world.stack.read_api),
        write: api(&world.stack.write_api),
        dice: world.dice(&person.name),
        name: person.name,
        in_hand: HashMap::new(),
        position: None,
        looked_through: None,
        too_late_for: VecDeque::new(),
        world,
    };
    loop {
        let world = operator.world.clone();
        if let Err(error) = world.unless_stopped(operator.look_around()).await? {
            world.failed(&operator.name, &error);
        }
        let look = operator.dice.seconds(&BETWEEN_LOOKS).mul_f64(world.plan.pace);
        world.unless_stopped(tokio::time::sleep(look.max(SHORTEST_LOOK))).await?;
    }
}

impl Operator {
    async fn look_around(&mut self) -> Result<(), CallError> {
        if self.looked_through.is_none_or(|then| then.elapsed() > LOOKING_THROUGH_THE_DRAWER) {
            self.look_through_the_drawer().await?;
        }
        let now = Instant::now();
        let due = self.in_hand.iter().filter(|(_, order)| order.due <= now);
        for order_id in due.map(|(order_id, _)| *order_id).collect::<Vec<_>>() {
            self.act(order_id).await?;
        }
        if self.in_hand.len() < IN_HAND { self.take_one().await } else { Ok(()) }
    }

    /// What the MES thinks that this operator has: after a start, and when others have moved an order.
    async fn look_through_the_drawer(&mut self) -> Result<(), CallError> {
        let mine: BoardPage = self.read.get("/v1/my-work?limit=200", self.asking()).await?;
        let before = std::mem::take(&mut self.in_hand);
        for row in &mine.orders {
            match before.get(&row.order_id) {
                Some(known) if known.version == row.version => {
                    self.in_hand.insert(row.order_id, *known);
                }
                _ => self.put_down(&row.into()),
            }
        }
        self.looked_through = Some(Instant::now());
        Ok(())
    }

    async fn take_one(&mut self) -> Result<(), CallError> {
        let path = "/v1/board?status=MANUFACTURING_APPROVED&order=oldest&limit=20";
        let board: BoardPage = self.read.get(path, self.asking()).await?;
        let free = |row: &&BoardRow| !self.too_late_for.contains(&(row.order_id, row.version));
        let within_reach: Vec<&BoardRow> = board.orders.iter().filter(free).take(REACH).collect();
        let Some(row) = within_reach.get(self.dice.below(within_reach.len())) else {
            return Ok(());
        };
        match self.post(row.order_id, "take", &seen(row.version)).await {
            // A colleague was faster, or the order was called off.
            Err(error @ CallError::Refused { status: 409, .. }) => {
                self.too_late(row, &error);
                Ok(())
            }
            other => other,
        }
    }

    fn too_late(&mut self, row: &BoardRow, error: &CallError) {
        self.world.tally.count("too late");
        if self.world.plan.verbose {
            eprintln!("{} takes {}: {error}", self.name, row.external_id);
        }
        self.too_late_for.push_front((row.order_id, row.version));
        self.too_late_for.truncate(TOO_LATE_FOR);
    }

    async fn act(&mut self, order_id: OrderId) -> Result<(), CallError> {
        let Some(InHand { version, act, .. }) = self.in_hand.remove(&order_id) else {
            return Ok(());
        };
        let body = act.body(version, &mut self.dice);
        let done = self.post(order_id, act.path(), &body).await;
        if done.is_err() {
            self.looked_through = None;
        }
        done
    }

    /// Asks for a command; the answer says what comes next.
    async fn post(&mut self, order_id: OrderId, what: &str, body: &Value) -> Result<(), CallError> {
        let (key, trace) = (self.world.new_key(), self.world.new_trace());
        let asking = Asking { key: Some(&key), position: None, trace: Some(&trace) };
        let path = format!("/v1/orders/{order_id}/{what}");
        let answer = self.write.post(&path, body, asking).await?;
        self.position = Some(answer.position);
        self.world.hear(&news(&answer.order));
        self.put_down(&Piece::from(&answer.order));
        Ok(())
    }

    /// Onto the bench, with a note of what is next and when; away when it is no longer in hand.
    fn put_down(&mut self, piece: &Piece<'_>) {
        let Some(act) = Act::next(piece) else {
            self.in_hand.remove(&piece.order_id);
            return;
        };
        let takes = self.dice.seconds(&act.takes()).mul_f64(self.world.plan.pace);
        let due = Instant::now() + takes;
        self.in_hand.insert(piece.order_id, InHand { version: piece.version, act, due });
    }

    fn asking(&self) -> Asking<'_> {
        Asking { position: self.position.as_deref(), ..Asking::default() }
    }
}

fn news(order: &OrderView) -> News {
    News {
        external_id: order.external_id.clone(),
        order_id: order.order_id,
        version: order.version,
        status: order.status,
        price_failed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn piece(status: Status) -> Piece<'static> {
        Piece {
            order_id: OrderId::new(Uuid::from_u128(1)),
            external_id: "plain",
            version: 7,
            status,
            was_given_back: false,
            reworks: 0,
        }
    }

    #[test]
    fn a_plain_order_is_made_packed_and_shipped() {
        let acts = [
            (Status::ManufacturingApproved, None),
            (Status::ManufacturingStarted, Some(Act::Complete)),
            (Status::ManufacturingCompleted, Some(Act::Pack)),
            (Status::Packaging, Some(Act::Ship)),
            (Status::Shipped, None),
            (Status::Cancelled, None),
        ];
        for (status, act) in acts {
            assert_eq!(Act::next(&piece(status)), act, "{status}");
        }
    }

    #[test]
    fn an_order_is_given_back_and_made_again_once() {
        let numbers = (0..2_000_u32).map(|token| format!("S-RUN-1-{token:08x}"));
        let found = numbers.filter(|number| {
            let story = Story::of(number);
            story.given_back && story.reworked
        });
        for number in found {
            let started = Piece { external_id: &number, ..piece(Status::ManufacturingStarted) };
            assert_eq!(Act::next(&started), Some(Act::GiveBack));
            let again = Piece { was_given_back: true, ..started };
            assert_eq!(Act::next(&again), Some(Act::Complete));
            let made = Piece { external_id: &number, ..piece(Status::ManufacturingCompleted) };
            assert_eq!(Act::next(&made), Some(Act::Rework));
            let again = Piece { reworks: 1, ..made };
            assert_eq!(Act::next(&again), Some(Act::Pack));
        }
    }

    #[test]
    fn what_an_operator_says_names_the_version_they_saw() {
        let mut dice = Dice::new(1);
        for act in [Act::GiveBack, Act::Complete, Act::Rework, Act::Pack, Act::Ship] {
            let body = act.body(7, &mut dice);
            assert_eq!(body["expected_version"], 7);
            let wants_reason = matches!(act, Act::GiveBack | Act::Rework);
            assert_eq!(body["reason"].is_string(), wants_reason);
            assert_eq!(body["tracking_number"].is_string(), act == Act::Ship);
        }
    }
}
