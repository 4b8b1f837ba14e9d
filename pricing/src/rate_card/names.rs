//! What people call the things on a card, in the two languages of the house.
//!
//! No price depends on a name, so names are kept beside a card and not in it ([`RateCard::take_names`]): a program that
//! knows none reads the card as ever. What has no name is called by its id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::validation::fault;
use super::{RateCard, RateCardError};

/// The longest name, in characters.
const MOST_CHARACTERS: usize = 60;

/// What people call a material, a finish or a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
}

/// The names of everything on a card that has any, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardNames {
    /// Of materials.
    pub materials: BTreeMap<String, Names>,
    /// Of finishes.
    pub finishes: BTreeMap<String, Names>,
    /// Of settings of stones.
    pub settings: BTreeMap<String, Names>,
}

impl RateCard {
    /// Takes the names off the card: what is left is all that a price depends on.
    pub fn take_names(&mut self) -> CardNames {
        let materials = self.materials.iter_mut().map(|m| (&m.id, m.names.take()));
        let finishes = self.finishes.iter_mut().map(|f| (&f.id, f.names.take()));
        let settings = self.settings.iter_mut().map(|s| (&s.id, s.names.take()));
        CardNames {
            materials: named(materials),
            finishes: named(finishes),
            settings: named(settings),
        }
    }

    pub(super) fn validate_names(&self) -> Result<(), RateCardError> {
        validate("materials", self.materials.iter().map(|m| m.names.as_ref()))?;
        validate("finishes", self.finishes.iter().map(|f| f.names.as_ref()))?;
        validate("settings", self.settings.iter().map(|s| s.names.as_ref()))
    }
}

fn named<'card>(
    entries: impl Iterator<Item = (&'card String, Option<Names>)>,
) -> BTreeMap<String, Names> {
    entries.filter_map(|(id, names)| Some((id.clone(), names?))).collect()
}

/// Two things of a list by one name could not be told apart by whoever chooses.
fn validate<'card>(
    list: &str,
    names: impl Iterator<Item = Option<&'card Names>>,
) -> Result<(), RateCardError> {
    let mut seen = BTreeSet::new();
    for (index, names) in names.enumerate() {
        let Some(Names { ru, en }) = names else { continue };
        for (language, name) in [("ru", ru), ("en", en)] {
            let field = format!("{list}[{index}].names.{language}");
            let is_plain = name.trim() == name && !name.chars().any(char::is_control);
            if !is_plain || !(1..=MOST_CHARACTERS).contains(&name.chars().count()) {
                return fault(field, "must be 1 to 60 characters, without blanks around them");
            }
            if !seen.insert((language, name)) {
                return fault(field, "is there twice");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ru: &str, en: &str) -> Names {
        Names { ru: ru.to_owned(), en: en.to_owned() }
    }

    #[test]
    fn each_fault_of_a_name_is_named() {
        let broken = |spoil: fn(&mut RateCard)| {
            let mut card = RateCard::sample();
            spoil(&mut card);
            card.validate().unwrap_err().field
        };
        assert_eq!(broken(|c| c.finishes[1].names = Some(names("", "x"))), "finishes[1].names.ru");
        assert_eq!(
            broken(|c| c.finishes[1].names = Some(names("x", " x"))),
            "finishes[1].names.en"
        );
        assert_eq!(
            broken(|c| c.materials[0].names = Some(names("a\nb", "x"))),
            "materials[0].names.ru"
        );
        assert_eq!(
            broken(|c| c.settings[2].names = Some(names("x", &"x".repeat(61)))),
            "settings[2].names.en"
        );
        let twice = |card: &mut RateCard| card.finishes[2].names = card.finishes[1].names.clone();
        assert_eq!(broken(twice), "finishes[2].names.ru");
    }

    #[test]
    fn a_card_without_its_names_is_what_prices_depend_on() {
        let whole = RateCard::sample();
        let mut bare = whole.clone();
        let taken = bare.take_names();
        assert_eq!(taken.finishes["matte"], names("Матовая", "Matte"));
        assert_eq!(taken.materials.len(), whole.materials.len());
        assert_eq!(bare.take_names(), CardNames::default(), "nothing is left");
        let json = serde_json::to_string(&bare).unwrap();
        assert!(!json.contains("names"), "an older program must be able to read it");
        bare.validate().unwrap();
    }

    #[test]
    fn cards_of_the_first_version_name_nothing() {
        let text = include_str!("../../rate_cards/first_version.json");
        let mut card: RateCard = serde_json::from_str(text).unwrap();
        assert_eq!(card.take_names(), CardNames::default());
    }
}
