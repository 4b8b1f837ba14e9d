//! Prices of pure metals: what a feed or a person says, and whether it may be used.
//!
//! A price that jumps is more often a slip of the keyboard, a wrong unit or a broken feed than the market, and every
//! order priced with it would be wrong. So it waits until a person confirms it; meanwhile the last one holds.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::contracts::text::FixingSource;
use crate::money::Currency;
use crate::schema::text_schema;

/// Clocks differ; an observation from further ahead than this is a mistake.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::minutes(10);

/// A metal that is traded pure.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Metal {
    /// Au.
    Gold,
    /// Ag.
    Silver,
    /// Pt.
    Platinum,
    /// Pd.
    Palladium,
}

/// Text that is not a metal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a metal is one of gold, silver, platinum, palladium")]
pub struct NotAMetal;

impl Metal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gold, Self::Silver, Self::Platinum, Self::Palladium];

    /// The word it is written as.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Silver => "silver",
            Self::Platinum => "platinum",
            Self::Palladium => "palladium",
        }
    }
}

impl std::str::FromStr for Metal {
    type Err = NotAMetal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|metal| metal.as_str() == text).ok_or(NotAMetal)
    }
}

/// What a gram of a pure metal costs, in minor units: above 0, at most 1 000 000 000, at most 6 decimals. Text on the
/// wire, because JSON numbers lose digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GramPrice(Decimal);

text_schema!(GramPrice, pattern = r"^[0-9]{1,10}(\.[0-9]{1,6})?$", example = "1020000.50");

/// Text that is not the price of a gram.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "minor units a gram as text, above 0 and at most 1000000000, with at most 6 decimals, such as 1020000.50"
)]
pub struct NotAGramPrice;

impl GramPrice {
    /// Minor units.
    pub const fn minor(self) -> Decimal {
        self.0
    }
}

impl TryFrom<Decimal> for GramPrice {
    type Error = NotAGramPrice;

    fn try_from(minor: Decimal) -> Result<Self, Self::Error> {
        let minor = minor.normalize();
        let fits = minor > Decimal::ZERO && minor <= Decimal::from(1_000_000_000);
        if fits && minor.scale() <= 6 { Ok(Self(minor)) } else { Err(NotAGramPrice) }
    }
}

impl TryFrom<String> for GramPrice {
    type Error = NotAGramPrice;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 10) || !digits(part, 6) {
            return Err(NotAGramPrice);
        }
        text.parse::<Decimal>().map_err(|_| NotAGramPrice)?.try_into()
    }
}

impl From<GramPrice> for String {
    fn from(price: GramPrice) -> Self {
        price.0.to_string()
    }
}

/// What somebody says a gram of a pure metal costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Which metal.
    pub metal: Metal,
    /// What a gram costs.
    pub price: GramPrice,
    /// In what.
    pub currency: Currency,
    /// Who says so.
    pub source: FixingSource,
    /// Since when it has been so.
    pub observed_at: DateTime<Utc>,
}

/// The price that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What a gram costs.
    pub minor: Decimal,
    /// In what.
    pub currency: Currency,
    /// Since when it has been so.
    pub observed_at: DateTime<Utc>,
}

/// What becomes of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It holds from now on.
    Accepted,
    /// A person must confirm it.
    Waiting(Doubt),
    /// It is kept as history and never used.
    Rejected(Doubt),
}

/// Why an observation is not taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It is further from the price that holds than the limit.
    Jump,
    /// No price of this metal holds yet, and a feed says this one.
    First,
    /// The price that holds is in another currency.
    OtherCurrency,
    /// A newer one holds.
    Older,
    /// It says that it is from a time that has not come.
    FromTheFuture,
    /// A newer observation came before anybody confirmed this one.
    Superseded,
    /// A person said no.
    ByAPerson,
}

impl Doubt {
    const ALL: [Self; 7] = [
        Self::Jump,
        Self::First,
        Self::OtherCurrency,
        Self::Older,
        Self::FromTheFuture,
        Self::Superseded,
        Self::ByAPerson,
    ];

    /// The word it is written as.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jump => "jump",
            Self::First => "first",
            Self::OtherCurrency => "other_currency",
            Self::Older => "older",
            Self::FromTheFuture => "from_the_future",
            Self::Superseded => "superseded",
            Self::ByAPerson => "by_a_person",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.as_str() == word)
    }
}

/// Judges an observation against the price that holds. `limit_percent` is the largest change, up or down, that needs no
/// person. A person's first price of a metal needs no second one.
pub fn judge(
    seen: &Observation,
    held: Option<&Held>,
    by: &Actor,
    limit_percent: u32,
    now: DateTime<Utc>,
) -> Judgement {
    if seen.observed_at > now + CLOCKS_DIFFER_BY {
        return Judgement::Rejected(Doubt::FromTheFuture);
    }
    let Some(held) = held else {
        let by_a_person = matches!(by, Actor::Admin { .. });
        return if by_a_person { Judgement::Accepted } else { Judgement::Waiting(Doubt::First) };
    };
    if seen.observed_at <= held.observed_at {
        return Judgement::Rejected(Doubt::Older);
    }
    if seen.currency != held.currency {
        return Judgement::Waiting(Doubt::OtherCurrency);
    }
    let change = seen.price.minor() / held.minor - Decimal::ONE;
    if change.abs() * Decimal::ONE_HUNDRED > Decimal::from(limit_percent) {
        return Judgement::Waiting(Doubt::Jump);
    }
    Judgement::Accepted
}

/// The change against the price that holds, in per cent with two decimals; `None` when the two cannot be compared.
pub fn change_percent(seen: &Observation, held: Option<&Held>) -> Option<Decimal> {
    let held = held.filter(|held| held.currency == seen.currency)?;
    let ratio = seen.price.minor().checked_div(held.minor)?;
    let percent = (ratio - Decimal::ONE).checked_mul(Decimal::ONE_HUNDRED)?;
    Some(percent.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// Whether the price of a metal that holds may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// It may.
    Fresh,
    /// It may, with a warning.
    Stale,
    /// It may not: jobs wait for a newer one.
    TooOld,
}

/// From which age on the price of a metal is doubted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeLimits {
    /// A price observed longer ago than this is used with a warning. Hours.
    pub stale_after_hours: u32,
    /// A price observed longer ago than this is not used. Hours.
    pub too_old_after_hours: u32,
}

impl AgeLimits {
    /// Judges a price by the time since it was observed.
    pub fn judge(self, age: TimeDelta) -> Freshness {
        if age > TimeDelta::hours(self.too_old_after_hours.into()) {
            Freshness::TooOld
        } else if age > TimeDelta::hours(self.stale_after_hours.into()) {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }
}

/// Where a fixing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixingState {
    /// It holds, or held until a newer one came.
    Accepted,
    /// A person must confirm it.
    Waiting,
    /// It never held.
    Rejected,
}

impl FixingState {
    /// The word it is written as.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Waiting => "waiting",
            Self::Rejected => "rejected",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Waiting, Self::Rejected]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A price of a pure metal as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MetalFixing {
    /// Its number in the history.
    pub fixing_id: i64,
    /// Which metal.
    pub metal: Metal,
    /// Minor units a gram of the pure metal.
    #[schema(value_type = String)]
    pub price_per_gram_minor: Decimal,
    /// In what.
    pub currency: Currency,
    /// Who says so.
    pub source: String,
    /// Since when it has been so.
    pub observed_at: DateTime<Utc>,
    /// When we heard it.
    pub received_at: DateTime<Utc>,
    /// Who told us.
    pub published_by: Actor,
    /// Whether it holds.
    pub state: FixingState,
    /// Why not, if it does not, or why a person had to look.
    pub reason: Option<Doubt>,
    /// Against the price that held when it came, in per cent.
    #[schema(value_type = Option<String>)]
    pub change_percent: Option<Decimal>,
    /// The set of prices that begins with it: what an order's price names as its `fixing_id`.
    pub set_id: Option<i64>,
    /// Who decided: the rule (`system`) or a person.
    pub decided_by: Option<Actor>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why, in the person's words.
    #[serde(default)]
    pub decided_because: Option<String>,
}

/// Why something cannot be done with a fixing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixingRefusal {
    /// There is none with this number.
    #[error("there is no metal fixing {0}")]
    Unknown(i64),
    /// The source said another price for the same moment.
    #[error("{source_name} said another price of {metal} for the same moment: fixing {fixing_id}", metal = metal.as_str())]
    Contradicts {
        /// Which metal.
        metal: Metal,
        /// Who.
        source_name: String,
        /// The one that is kept.
        fixing_id: i64,
    },
    /// It was decided before, the other way.
    #[error("the metal fixing is {}, not waiting", state.as_str())]
    NotWaiting {
        /// What it is.
        state: FixingState,
    },
    /// Only administrators decide.
    #[error("only administrators publish, confirm and reject metal fixings")]
    NotAllowed,
}

impl FixingRefusal {
    /// A stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown-fixing",
            Self::Contradicts { .. } => "different-content",
            Self::NotWaiting { .. } => "not-waiting",
            Self::NotAllowed => "not-allowed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::samples::moment;
    use proptest::prelude::*;

    fn seen(minor: &str, minutes: i64) -> Observation {
        Observation {
            metal: Metal::Gold,
            price: GramPrice::try_from(minor.to_owned()).unwrap(),
            currency: "RUB".parse().unwrap(),
            source: FixingSource::try_from("LBMA".to_owned()).unwrap(),
            observed_at: moment() + TimeDelta::minutes(minutes),
        }
    }

    fn held() -> Held {
        let currency = "RUB".parse().unwrap();
        Held { minor: Decimal::from(1_000_000), currency, observed_at: moment() }
    }

    fn admin() -> Actor {
        Actor::Admin { admin_id: uuid::Uuid::nil(), name: "Olga".to_owned() }
    }

    fn judged(minor: &str, minutes: i64) -> Judgement {
        let now = moment() + TimeDelta::hours(1);
        judge(&seen(minor, minutes), Some(&held()), &Actor::system("metals"), 10, now)
    }

    #[test]
    fn up_to_the_limit_is_taken_and_a_jump_waits() {
        assert_eq!(judged("1100000", 1), Judgement::Accepted);
        assert_eq!(judged("900000", 1), Judgement::Accepted);
        assert_eq!(judged("1100000.01", 1), Judgement::Waiting(Doubt::Jump));
        assert_eq!(judged("899999.99", 1), Judgement::Waiting(Doubt::Jump));
        assert_eq!(change_percent(&seen("899999.99", 1), Some(&held())), Some(Decimal::from(-10)));
    }

    #[test]
    fn old_news_and_news_from_tomorrow_are_never_used() {
        assert_eq!(judged("1000000", 0), Judgement::Rejected(Doubt::Older));
        assert_eq!(judged("1000000", 24 * 60), Judgement::Rejected(Doubt::FromTheFuture));
    }

    #[test]
    fn the_first_price_is_taken_from_a_person_only() {
        let first = |by: &Actor| judge(&seen("5", 0), None, by, 10, moment());
        assert_eq!(first(&admin()), Judgement::Accepted);
        assert_eq!(first(&Actor::system("metals")), Judgement::Waiting(Doubt::First));
    }

    #[test]
    fn a_price_is_doubted_from_its_limits_on() {
        let limits = AgeLimits { stale_after_hours: 80, too_old_after_hours: 336 };
        let second = TimeDelta::seconds(1);
        let judged = |hours| {
            [TimeDelta::zero(), second].map(|more| limits.judge(TimeDelta::hours(hours) + more))
        };
        assert_eq!(judged(80), [Freshness::Fresh, Freshness::Stale]);
        assert_eq!(judged(336), [Freshness::Stale, Freshness::TooOld]);
    }

    #[test]
    fn another_currency_waits() {
        let euros = Observation { currency: "EUR".parse().unwrap(), ..seen("1000000", 1) };
        let now = moment() + TimeDelta::hours(1);
        let judged = judge(&euros, Some(&held()), &admin(), 10, now);
        assert_eq!(judged, Judgement::Waiting(Doubt::OtherCurrency));
        assert_eq!(change_percent(&euros, Some(&held())), None);
    }

    #[test]
    fn a_price_of_a_gram_is_a_plain_positive_number() {
        let price = |text: &str| GramPrice::try_from(text.to_owned());
        for good in ["1", "0.000001", "1000000000", "1020000.50"] {
            assert!(price(good).is_ok(), "{good}");
        }
        for bad in
            ["", "0", "0.0", "-1", "1e3", "1_000", ".5", "5.", "1.0000001", "1000000001", " 1"]
        {
            assert!(price(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn judging_never_panics(whole in 1_u64..=999_999_999, part in 0_u32..1_000_000, held_minor in 1_i64..=1_000_000_000) {
            let text = format!("{whole}.{part:06}");
            let held = Held { minor: Decimal::new(held_minor, 6), ..held() };
            let _ = judge(&seen(&text, 1), Some(&held), &admin(), 10, moment());
            change_percent(&seen(&text, 1), Some(&held));
        }
    }
}
