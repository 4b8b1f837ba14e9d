//! What will happen to an order, written into its number: whoever reads the number knows the story. So the shop,
//! the CRM and the operators agree without talking, the same seed tells the same stories, and nobody has to
//! remember anything, not even over a restart.
//!
//! A number ends with eight hexadecimal digits (`S-4F2A-17-9e3779b9`). Orders with other numbers (somebody tries
//! the API by hand) live a plain life: priced, approved by the rule, made, shipped, delivered.

use shared::order::Status;

use crate::dice::Dice;
use crate::models::{Choice, Damage, SIZES};

/// Of a thousand customers, so many are odd; one oddity each.
const ODDITIES: [(usize, Oddity); 6] = [
    (15, Oddity::Abandons),
    (20, Oddity::ChangesMind),
    (10, Oddity::Unreachable),
    (20, Oddity::Hole),
    (10, Oddity::Truncated),
    (5, Oddity::LateDraft),
];
/// How often a finished price is approved by a person and not by the rule.
const BY_SELLER: f64 = 0.2;
/// How often the order is submitted at once, without a draft before.
const WITHOUT_DRAFT: f64 = 0.15;
/// How often an operator gives an order back, or has to make it again.
const GIVEN_BACK: f64 = 0.05;
const REWORKED: f64 = 0.06;
/// How orders are closed, when it is not the carrier.
const BY_HAND: f64 = 0.10;
const BY_CRM: f64 = 0.05;
const TWICE: f64 = 0.03;

const MATERIALS: [&str; 6] =
    ["silver-925", "silver-925", "gold-585", "gold-750", "platinum-950", "bronze"];
const FINISHES: [&str; 3] = ["polished", "matte", "raw"];
const QUANTITIES: [u32; 8] = [1, 1, 1, 1, 2, 2, 5, 20];

/// What sets a customer apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Nothing.
    None,
    /// Never presses "make order"; the shop clears the cart after a while.
    Abandons,
    /// Calls the order off when the price is known.
    ChangesMind,
    /// Cannot be reached for the confirmation: the CRM calls the order off.
    Unreachable,
    /// Has a model with a hole: no price can be made.
    Hole,
    /// Sends half a file first, hears so, and sends the whole one.
    Truncated,
    /// The shop's "new order" comes after "make order": it is too late and is parked.
    LateDraft,
}

/// Who says that the order is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The carrier.
    Carrier,
    /// The CRM, passing the carrier's word on.
    Crm,
    /// A seller, with a reason.
    ByHand,
    /// The carrier, and then a seller: the second is a no-op.
    Twice,
}

/// How a story ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Delivered or handed over.
    Closed,
    /// Called off.
    Cancelled,
    /// No price can be made.
    PriceFailed,
    /// As far as one wanted to look.
    Reached(Status),
}

/// The story of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// What sets the customer apart.
    pub oddity: Oddity,
    /// The file.
    pub choice: Choice,
    /// Of the rate card.
    pub material: &'static str,
    /// Of the rate card.
    pub finish: &'static str,
    /// Pieces.
    pub quantity: u32,
    /// Whether the shop sends no draft first.
    pub without_draft: bool,
    /// Which seller approves; `None` for the rule.
    pub seller: Option<usize>,
    /// Whether the first operator gives it back.
    pub given_back: bool,
    /// Whether it has to be made again.
    pub reworked: bool,
    /// Who closes it.
    pub closing: Closing,
}

impl Story {
    /// The story that a number tells.
    pub fn of(external_id: &str) -> Self {
        match token(external_id) {
            Some(token) => Self::told_by(Dice::nth(0, u64::from(token)), is_partners(external_id)),
            None => Self::plain(Dice::new(0)),
        }
    }

    fn told_by(mut dice: Dice, partners: bool) -> Self {
        let plain = Self::plain(dice.clone());
        let mut dice_of_oddities = Dice::new(dice.roll());
        let dice = &mut dice_of_oddities;
        let oddity = match oddity(dice.below(1_000)) {
            // These need a draft, which partners do not have.
            Oddity::Abandons | Oddity::LateDraft if partners => Oddity::None,
            oddity => oddity,
        };
        let damage = if oddity == Oddity::Hole { Damage::Hole } else { Damage::None };
        Self {
            oddity,
            choice: Choice { damage, ..plain.choice },
            without_draft: oddity != Oddity::Abandons && dice.chance(WITHOUT_DRAFT),
            seller: dice.chance(BY_SELLER).then(|| dice.below(2)),
            given_back: dice.chance(GIVEN_BACK),
            reworked: dice.chance(REWORKED),
            closing: closing(dice.fraction()),
            ..plain
        }
    }

    fn plain(mut dice: Dice) -> Self {
        Self {
            oddity: Oddity::None,
            choice: Choice {
                model: u8::try_from(dice.below(60)).unwrap_or_default(),
                size: u8::try_from(dice.below(SIZES.into())).unwrap_or_default(),
                damage: Damage::None,
            },
            material: MATERIALS[dice.below(MATERIALS.len())],
            finish: FINISHES[dice.below(FINISHES.len())],
            quantity: QUANTITIES[dice.below(QUANTITIES.len())],
            without_draft: false,
            seller: None,
            given_back: false,
            reworked: false,
            closing: Closing::Carrier,
        }
    }

    /// How it ends when nobody meddles.
    pub const fn end(&self) -> End {
        match self.oddity {
            Oddity::Abandons | Oddity::ChangesMind | Oddity::Unreachable => End::Cancelled,
            Oddity::Hole => End::PriceFailed,
            Oddity::None | Oddity::Truncated | Oddity::LateDraft => End::Closed,
        }
    }
}

fn oddity(mut roll: usize) -> Oddity {
    for (share, oddity) in ODDITIES {
        match roll.checked_sub(share) {
            None => return oddity,
            Some(rest) => roll = rest,
        }
    }
    Oddity::None
}

fn closing(roll: f64) -> Closing {
    match roll {
        roll if roll < BY_HAND => Closing::ByHand,
        roll if roll < BY_HAND + BY_CRM => Closing::Crm,
        roll if roll < BY_HAND + BY_CRM + TWICE => Closing::Twice,
        _ => Closing::Carrier,
    }
}

/// The number of the `n`-th order of a run.
pub fn number(prefix: char, run: &str, n: u64, token: Option<u32>) -> String {
    match token {
        Some(token) => format!("{prefix}-{run}-{n}-{token:08x}"),
        None => format!("{prefix}-{run}-{n}"),
    }
}

/// Only of numbers that this program made: nobody's order by hand is to be called off by chance.
fn token(external_id: &str) -> Option<u32> {
    let parts: Vec<&str> = external_id.split('-').collect();
    let &["S" | "P", _, n, digits] = parts.as_slice() else { return None };
    let ours = n.parse::<u64>().is_ok() && digits.len() == 8;
    if ours { u32::from_str_radix(digits, 16).ok() } else { None }
}

fn is_partners(external_id: &str) -> bool {
    external_id.starts_with('P')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stories(prefix: char) -> impl Iterator<Item = Story> {
        (0..20_000).map(move |n| {
            let token = Dice::nth(7, n).roll_32();
            Story::of(&number(prefix, "TEST", n, Some(token)))
        })
    }

    #[test]
    fn a_number_always_tells_the_same_story() {
        let number = number('S', "4F2A", 17, Some(0x9e37_79b9));
        assert_eq!(number, "S-4F2A-17-9e3779b9");
        assert_eq!(Story::of(&number), Story::of(&number));
        assert_eq!(Story::of(&number), Story::of("S-OTHER-3-9e3779b9"));
    }

    #[test]
    fn a_number_without_a_story_lives_a_plain_life() {
        for number in ["S-4711", "by hand", "S-4F2A-17", "", "S-RUN-1-zzzzzzzz", "P-20261122"] {
            let story = Story::of(number);
            assert_eq!((story.end(), story.closing), (End::Closed, Closing::Carrier), "{number}");
            assert_eq!((story.oddity, story.seller), (Oddity::None, None));
        }
    }

    #[test]
    fn oddities_come_as_often_as_written() {
        let odd = |wanted| stories('S').filter(|story| story.oddity == wanted).count();
        for (share, oddity) in ODDITIES {
            let (count, expected) = (odd(oddity), share * 20);
            assert!(count.abs_diff(expected) <= expected / 3 + 20, "{oddity:?}: {count}");
        }
        assert!(odd(Oddity::None) > 17_500);
    }

    #[test]
    fn partners_have_no_carts() {
        assert!(stories('P').all(|s| !matches!(s.oddity, Oddity::Abandons | Oddity::LateDraft)));
    }

    #[test]
    fn only_models_with_a_hole_are_damaged_in_an_order() {
        for story in stories('S') {
            assert_eq!(story.choice.damage == Damage::Hole, story.end() == End::PriceFailed);
            assert_ne!(story.choice.damage, Damage::Truncated);
        }
    }
}
