//! What is wrong with a rate card, and where: a card that passes can give no wrong price and no overflow.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{FixingRule, GramPrice, Material, MaterialLimits, RateCard, RateCardError};

/// Largest fixed sum on a card, in minor units: keeps every total far inside 64 bits.
const MAX_SUM: i64 = 1_000_000_000_000;
/// Largest rate on a card, in minor units.
const MAX_RATE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Most decimal places a rate may have, so that products fit in a [`Decimal`].
const MAX_SCALE: u32 = 6;
/// Most materials, finishes or settings of a card.
const MAX_ENTRIES: usize = 1_000;

impl RateCard {
    /// Refuses a card that could give a wrong or no price, naming the first field at fault.
    pub fn validate(&self) -> Result<(), RateCardError> {
        if self.currency.len() != 3 || !self.currency.bytes().all(|c| c.is_ascii_uppercase()) {
            return fault("currency", "must be an ISO 4217 code: three capital letters");
        }
        self.validate_materials()?;
        self.validate_finishes()?;
        sum("setup_per_order", self.setup_per_order)?;
        rate("machine.pattern_per_cm3", self.machine.pattern_per_cm3)?;
        rate("machine.space_per_cm3", self.machine.space_per_cm3)?;
        self.validate_time()?;
        self.validate_breaks()?;
        sum("minimum_per_piece", self.minimum_per_piece)?;
        sum("minimum_per_order", self.minimum_per_order)?;
        share("vat_rate", self.vat_rate)?;
        if !(1..=1_000_000).contains(&self.rounding.net_step) {
            return fault("rounding.net_step", "must be from 1 to 1000000");
        }
        self.validate_settings()?;
        self.validate_lead_times()?;
        share("provisional_spread", self.provisional_spread)?;
        self.validate_names()
    }

    fn validate_materials(&self) -> Result<(), RateCardError> {
        ids("materials", self.materials.iter().map(|material| material.id.as_str()))?;
        let mut materials = self.materials.iter().enumerate();
        materials.try_for_each(|(index, material)| material.validate(index))
    }

    fn validate_time(&self) -> Result<(), RateCardError> {
        let Some(time) = &self.machine.time else { return Ok(()) };
        rate("machine.time.hours_per_mm", time.hours_per_mm)?;
        rate("machine.time.hours_per_cm3", time.hours_per_cm3)?;
        rate("machine.time.rate_per_hour", time.rate_per_hour)
    }

    fn validate_settings(&self) -> Result<(), RateCardError> {
        if self.settings.is_empty() {
            return Ok(());
        }
        ids("settings", self.settings.iter().map(|setting| setting.id.as_str()))?;
        let mut settings = self.settings.iter().enumerate();
        settings.try_for_each(|(index, setting)| {
            sum(format!("settings[{index}].per_stone"), setting.per_stone)
        })
    }

    fn validate_lead_times(&self) -> Result<(), RateCardError> {
        let usual = self.lead_time_days.unwrap_or(u16::MAX);
        if usual == 0 {
            return fault("lead_time_days", "must be at least 1");
        }
        let Some(rush) = &self.rush else { return Ok(()) };
        if rush.factor < Decimal::ONE || rush.factor > Decimal::TEN {
            return fault("rush.factor", "must be from 1 to 10");
        }
        rate("rush.factor", rush.factor)?;
        if rush.lead_time_days == 0 || rush.lead_time_days > usual {
            return fault("rush.lead_time_days", "must be at least 1 and not above the usual one");
        }
        Ok(())
    }

    fn validate_finishes(&self) -> Result<(), RateCardError> {
        ids("finishes", self.finishes.iter().map(|finish| finish.id.as_str()))?;
        for (index, finish) in self.finishes.iter().enumerate() {
            sum(format!("finishes[{index}].fixed_per_piece"), finish.fixed_per_piece)?;
            rate(format!("finishes[{index}].per_cm2"), finish.per_cm2)?;
            if finish.only_for.len() > 3 {
                return fault(format!("finishes[{index}].only_for"), "names a kind twice");
            }
        }
        Ok(())
    }

    fn validate_breaks(&self) -> Result<(), RateCardError> {
        let mut before = (1, Decimal::ONE);
        for (index, step) in self.quantity_breaks.iter().enumerate() {
            let field = |name: &str| format!("quantity_breaks[{index}].{name}");
            if step.from_quantity <= before.0 {
                return fault(field("from_quantity"), "must be above 1 and above the one before");
            }
            if step.factor <= Decimal::ZERO || step.factor > before.1 {
                return fault(field("factor"), "must be above 0 and not above the one before");
            }
            rate(field("factor"), step.factor)?;
            before = (step.from_quantity, step.factor);
        }
        Ok(())
    }
}

impl Material {
    fn validate(&self, index: usize) -> Result<(), RateCardError> {
        let field = |name: &str| format!("materials[{index}].{name}");
        let density = self.density_g_cm3;
        if density < Decimal::new(1, 1) || density > Decimal::from(30) {
            return fault(field("density_g_cm3"), "must be from 0.1 to 30 g/cm³");
        }
        rate(field("density_g_cm3"), density)?;
        match &self.price_per_gram {
            GramPrice::Fixed(price) => rate(field("price_per_gram"), *price)?,
            GramPrice::ByFixing(rule) => rule.validate(&field("price_per_gram"))?,
        }
        rate(field("casting_per_gram"), self.casting_per_gram)?;
        sum(field("casting_per_piece"), self.casting_per_piece)?;
        share(field("casting_allowance"), self.casting_allowance)?;
        share(field("melt_loss"), self.melt_loss)?;
        share(field("shrinkage"), self.shrinkage)?;
        self.validate_kind(field)?;
        sum(field("minimum_per_piece"), self.minimum_per_piece.unwrap_or_default())?;
        self.limits.as_ref().map_or(Ok(()), |limits| limits.validate(&field("limits")))
    }

    /// What is printed as it is must not be charged for casting by a slip of the pen.
    fn validate_kind(&self, field: impl Fn(&str) -> String) -> Result<(), RateCardError> {
        let casting = [
            ("casting_per_gram", self.casting_per_gram),
            ("casting_per_piece", self.casting_per_piece.into()),
            ("casting_allowance", self.casting_allowance),
            ("shrinkage", self.shrinkage),
        ];
        match casting.iter().find(|(_, rate)| !rate.is_zero()) {
            Some((name, _)) if !self.kind.is_cast() => fault(field(name), "is for metals only"),
            _ => Ok(()),
        }
    }
}

impl FixingRule {
    fn validate(&self, place: &str) -> Result<(), RateCardError> {
        if self.fineness <= Decimal::ZERO || self.fineness > Decimal::ONE {
            return fault(format!("{place}.fineness"), "must be above 0 and at most 1");
        }
        rate(format!("{place}.fineness"), self.fineness)?;
        if self.markup > Decimal::TEN {
            return fault(format!("{place}.markup"), "must be a fraction of at most 10");
        }
        rate(format!("{place}.markup"), self.markup)
    }
}

impl MaterialLimits {
    fn validate(&self, place: &str) -> Result<(), RateCardError> {
        let [x, y, z] = self.build_volume_mm;
        let lengths = [
            ("min_wall_mm", self.min_wall_mm),
            ("min_detail_mm", self.min_detail_mm),
            ("max_solid_mm", self.max_solid_mm),
            ("build_volume_mm[0]", x),
            ("build_volume_mm[1]", y),
            ("build_volume_mm[2]", z),
        ];
        lengths.into_iter().try_for_each(|(name, length)| {
            if length <= Decimal::ZERO || length > Decimal::ONE_THOUSAND {
                return fault(format!("{place}.{name}"), "must be above 0 and at most 1000 mm");
            }
            rate(format!("{place}.{name}"), length)
        })
    }
}

pub(super) fn fault<T>(field: impl Into<String>, problem: &str) -> Result<T, RateCardError> {
    Err(RateCardError { field: field.into(), problem: problem.to_owned() })
}

fn ids<'card>(list: &str, ids: impl Iterator<Item = &'card str>) -> Result<(), RateCardError> {
    let mut seen = BTreeSet::new();
    for (index, id) in ids.enumerate() {
        let field = format!("{list}[{index}].id");
        if index == MAX_ENTRIES {
            return fault(list, "must have at most 1000 entries");
        }
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            return fault(field, "must be 1 to 64 small letters, digits and hyphens");
        }
        if !seen.insert(id) {
            return fault(field, "is there twice");
        }
    }
    if seen.is_empty() { fault(list, "must not be empty") } else { Ok(()) }
}

fn sum(field: impl Into<String>, minor: i64) -> Result<(), RateCardError> {
    if (0..=MAX_SUM).contains(&minor) {
        Ok(())
    } else {
        fault(field, "must be from 0 to 1000000000000 minor units")
    }
}

fn rate(field: impl Into<String>, rate: Decimal) -> Result<(), RateCardError> {
    if rate < Decimal::ZERO || rate > MAX_RATE {
        return fault(field, "must be from 0 to 1000000000");
    }
    if rate.normalize().scale() > MAX_SCALE {
        return fault(field, "must have at most 6 decimal places");
    }
    Ok(())
}

fn share(field: impl Into<String>, share: Decimal) -> Result<(), RateCardError> {
    let field = field.into();
    if share < Decimal::ZERO || share >= Decimal::ONE {
        return fault(field, "must be a fraction from 0 to below 1 (20 % is 0.20)");
    }
    rate(field, share)
}
