//! Prices: worked out by hand, and rules that hold for every model and card.

use pricing::analysis::{Analysis, Standing, VolumeBounds};
use pricing::fixing::{Fixing, Freshness, Metal};
use pricing::quote::{
    Item, LineCode, MAX_QUANTITY, PriceBook, PriceBreakdown, PriceError, PriceWarning, Stones,
    price,
};
use pricing::rate_card::{
    FixingRule, GramPrice, MachineTime, QuantityBreak, RateCard, RoundingMode, Rush,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::shapes::{analysed, base, cube};

fn item(material: &str, finish: &str, quantity: u32) -> Item {
    Item { material: material.into(), finish: finish.into(), quantity, ..Item::default() }
}

fn book(card: RateCard) -> PriceBook {
    PriceBook { card, card_version: 7, fixing: Some(Fixing::sample()) }
}

/// The card that this program's first version had for its demonstration: it must price as it always did.
fn first_version() -> PriceBook {
    let card = include_str!("../../rate_cards/first_version.json");
    book(serde_json::from_str(card).unwrap())
}

fn model(volume_mm3: f64, area_mm2: f64, bbox_mm: [f64; 3]) -> Analysis {
    Analysis { volume_mm3, area_mm2, bbox_mm, ..analysed(&cube([0.0; 3], 1.0)) }
}

fn amounts(price: &PriceBreakdown) -> Vec<(LineCode, i64)> {
    price.lines.iter().map(|line| (line.code, line.amount_minor)).collect()
}

#[test]
fn a_silver_cube_as_worked_out_by_hand() {
    // 10 mm cube: 1 cm³, 6 cm², shrinkage 1.5 % makes its pattern 1.015³ = 1.0457 cm³.
    let quote = price(
        &analysed(&cube([0.0; 3], 10.0)),
        &first_version(),
        &item("silver-925", "polished", 1),
    )
    .unwrap();
    assert_eq!(
        amounts(&quote),
        [
            (LineCode::Metal, 150_800),      // 10.4 g × 145.00
            (LineCode::MeltLoss, 4_524),     // 0.312 g × 145.00
            (LineCode::Casting, 93_600),     // 10.4 g × 90.00
            (LineCode::Pattern, 26_143),     // 1.0457 cm³ × 250.00, rounded half up
            (LineCode::MachineSpace, 2_614), // 1.0457 cm³ × 25.00
            (LineCode::FinishArea, 39_000),  // 6 cm² × 65.00
            (LineCode::FinishPiece, 35_000),
            (LineCode::Setup, 90_000),
            (LineCode::Rounding, 19), // up to whole roubles
            (LineCode::Vat, 88_340),  // 20 % of 4417.00
        ]
    );
    assert_eq!((quote.net_minor, quote.vat_minor, quote.total_minor), (441_700, 88_340, 530_040));
    assert_eq!(quote.metal_grams, "10.4".parse().unwrap());
    assert_eq!(quote.currency, "RUB");
}

#[test]
fn words_in_code_and_in_json_are_the_same() {
    let quote =
        price(&model(1.0, 6.0, [1.0; 3]), &PriceBook::sample(), &item("gold-750", "matte", 20))
            .unwrap();
    for line in serde_json::to_value(&quote.lines).unwrap().as_array().unwrap() {
        let known = |line_: &pricing::quote::PriceLine| {
            line["code"] == line_.code.as_str() && line["unit"] == line_.unit.as_str()
        };
        assert!(quote.lines.iter().any(known), "{line}");
    }
}

#[test]
fn a_tiny_piece_costs_the_minimum_of_piece_and_of_order() {
    let book = PriceBook::sample();
    let card = &book.card;
    let quote = price(&model(1.0, 6.0, [1.0; 3]), &book, &item("brass", "raw", 1)).unwrap();
    let minimum: i64 = quote
        .lines
        .iter()
        .take_while(|line| line.code != LineCode::Setup)
        .map(|line| line.amount_minor)
        .sum();
    assert_eq!(minimum, card.minimum_per_piece);
    assert_eq!(quote.net_minor, card.minimum_per_order);
    assert!(quote.lines.iter().any(|line| line.code == LineCode::MinimumPerOrder));
}

#[test]
fn twenty_pieces_get_the_break_and_the_line_says_so() {
    let model = model(500.0, 800.0, [20.0, 20.0, 5.0]);
    let quote = price(&model, &PriceBook::sample(), &item("gold-585", "matte", 20)).unwrap();
    let pieces: i64 = quote
        .lines
        .iter()
        .take_while(|line| line.code != LineCode::QuantityBreak)
        .map(|line| line.amount_minor)
        .sum();
    let off = quote.lines.iter().find(|line| line.code == LineCode::QuantityBreak).unwrap();
    let seven_percent = Decimal::from(pieces) * Decimal::new(7, 2);
    assert!((seven_percent + off.rate).abs() < Decimal::ONE, "{off:?} of {pieces}");
}

#[test]
fn what_cannot_be_priced_is_refused_with_a_reason() {
    let (book, good) = (PriceBook::sample(), analysed(&base()));
    let refused = |model: &Analysis, item: &Item| price(model, &book, item).unwrap_err();

    let error = refused(&good, &item("adamantium", "raw", 1));
    assert_eq!(error.code(), "unknown_material");
    assert!(error.to_string().contains("adamantium"));
    assert!(error.to_string().contains("silver-925"));
    assert_eq!(refused(&good, &item("brass", "velvet", 1)).code(), "unknown_finish");
    for quantity in [0, MAX_QUANTITY + 1] {
        assert_eq!(refused(&good, &item("brass", "raw", quantity)), PriceError::QuantityOutOfRange);
    }
    let mut holed = cube([0.0; 3], 10.0);
    holed.remove(7);
    let error = refused(&analysed(&holed), &item("brass", "raw", 1));
    assert_eq!(error.code(), "needs_a_person");
    assert!(error.to_string().contains("3 edges border a hole"), "{error}");
    assert_eq!(
        refused(&analysed(&holed[..4]), &item("brass", "raw", 1)).code(),
        "not_closed",
        "without sides there is no volume at all"
    );
    assert_eq!(
        refused(&analysed(&base().repeat(2)), &item("brass", "raw", 1)).code(),
        "needs_a_person"
    );
    let moon = model(1e30, 1e20, [1e10; 3]);
    assert_eq!(refused(&moon, &item("brass", "raw", 1)), PriceError::TooLarge);
}

fn any_model() -> impl Strategy<Value = Analysis> {
    (0.01_f64..1e6, 0.1_f64..1e6, prop::array::uniform3(0.1_f64..500.0))
        .prop_map(|(volume, area, extents)| model(volume, area, extents))
}

fn any_card() -> impl Strategy<Value = RateCard> {
    let mode = prop_oneof![
        Just(RoundingMode::HalfUp),
        Just(RoundingMode::HalfEven),
        Just(RoundingMode::Up),
    ];
    let breaks = prop::collection::btree_map(2_u32..60, 1_u32..=100, 0..4);
    let sums = (0_i64..2_000_000, 0_i64..200_000, 0_i64..5_000_000);
    let extras = (prop::option::of(100_i64..300), any::<bool>(), 0_i64..300, 0_i64..200);
    (mode, 1_i64..500, breaks, sums, extras).prop_map(
        |(mode, net_step, breaks, (setup, per_piece, per_order), extras)| {
            let mut card = RateCard::sample();
            card.rounding.mode = mode;
            card.rounding.net_step = net_step;
            card.setup_per_order = setup;
            card.minimum_per_piece = per_piece;
            card.minimum_per_order = per_order;
            let mut factors: Vec<_> = breaks.values().copied().collect();
            factors.sort_unstable_by(|a, b| b.cmp(a));
            card.quantity_breaks = breaks
                .into_keys()
                .zip(factors)
                .map(|(from_quantity, percent)| QuantityBreak {
                    from_quantity,
                    factor: Decimal::new(percent.into(), 2),
                })
                .collect();
            let (rush, timed, allowance, markup) = extras;
            card.rush =
                rush.map(|percent| Rush { factor: Decimal::new(percent, 2), lead_time_days: 1 });
            card.machine.time = card.machine.time.filter(|_| timed);
            card.materials[1].casting_allowance = Decimal::new(allowance, 3);
            card.materials[1].price_per_gram = GramPrice::ByFixing(FixingRule {
                metal: Metal::Gold,
                fineness: Decimal::new(585, 3),
                markup: Decimal::new(markup, 3),
            });
            card
        },
    )
}

fn any_item() -> impl Strategy<Value = Item> {
    let card = RateCard::sample();
    let materials: Vec<_> = card.materials.into_iter().map(|material| material.id).collect();
    let stones = prop::collection::vec((prop::sample::select(card.settings), 1_u32..50), 0..3);
    (prop::sample::select(materials), any::<bool>(), 1_u32..80, stones, any::<bool>()).prop_map(
        |(material, raw, quantity, stones, rush)| {
            let settings = stones
                .into_iter()
                .map(|(setting, count)| Stones { kind: setting.id, count })
                .collect();
            let finish = if raw { "raw" } else { "matte" };
            Item { settings, rush, ..item(&material, finish, quantity) }
        },
    )
}

/// A wish that the card can grant.
fn any_case() -> impl Strategy<Value = (Analysis, PriceBook, Item)> {
    (any_model(), any_card(), any_item()).prop_map(|(model, card, item)| {
        let rush = item.rush && card.rush.is_some();
        (model, book(card), Item { rush, ..item })
    })
}

fn cost(model: &Analysis, book: &PriceBook, item: &Item) -> i64 {
    price(model, book, item).unwrap().total_minor
}

proptest! {
    #[test]
    fn lines_add_up_and_each_is_its_quantity_times_its_rate((model, book, item) in any_case()) {
        book.card.validate().unwrap();
        let quote = price(&model, &book, &item).unwrap();
        let sum: i64 = quote.lines.iter().map(|line| line.amount_minor).sum();
        prop_assert_eq!(sum, quote.total_minor);
        prop_assert_eq!(quote.net_minor + quote.vat_minor, quote.total_minor);
        prop_assert_eq!(quote.net_minor % book.card.rounding.net_step, 0);
        prop_assert!(quote.net_minor >= book.card.minimum_per_order);
        for line in &quote.lines {
            let exact = line.quantity * line.rate;
            prop_assert!((exact - Decimal::from(line.amount_minor)).abs() < Decimal::ONE);
            let only_breaks = line.amount_minor >= 0 || line.code == LineCode::QuantityBreak;
            prop_assert!(only_breaks, "{:?}", line);
        }
    }

    #[test]
    fn more_pieces_never_cost_less((model, book, item) in any_case()) {
        let mut before = 0;
        for quantity in 1..=80 {
            let total = cost(&model, &book, &Item { quantity, ..item.clone() });
            prop_assert!(total >= before, "{quantity} pieces: {total} after {before}");
            before = total;
        }
    }

    #[test]
    fn a_larger_volume_never_costs_less(
        (model, book, item) in any_case(), factors in prop::collection::vec(1.0_f64..1.2, 8),
    ) {
        let (mut larger, mut before) = (model, 0);
        for factor in factors {
            larger.volume_mm3 *= factor;
            let total = cost(&larger, &book, &item);
            prop_assert!(total >= before, "{} mm³: {total} after {before}", larger.volume_mm3);
            before = total;
        }
    }

    #[test]
    fn stones_and_a_rush_never_make_it_cheaper((model, book, item) in any_case()) {
        let plain = Item { settings: Vec::new(), rush: false, ..item.clone() };
        prop_assert!(cost(&model, &book, &plain) <= cost(&model, &book, &item));
    }

    #[test]
    fn nothing_overflows_whatever_the_card_allows(
        volume in 0.0_f64..1e15, side in 0.0_f64..1e6, quantity in 1..=MAX_QUANTITY,
        minor in 0_i64..=1_000_000_000_000, rate in 0_i64..=1_000_000_000,
    ) {
        let mut card = RateCard::sample();
        card.materials[0].price_per_gram = GramPrice::Fixed(Decimal::from(rate));
        card.setup_per_order = minor;
        card.minimum_per_piece = minor;
        card.settings[0].per_stone = minor;
        card.machine.time = Some(MachineTime {
            hours_per_mm: Decimal::from(rate),
            hours_per_cm3: Decimal::from(rate),
            rate_per_hour: Decimal::from(rate),
        });
        card.validate().unwrap();
        let settings = vec![Stones { kind: card.settings[0].id.clone(), count: 10_000 }];
        let item = Item { settings, rush: true, ..item("silver-925", "matte", quantity) };
        let priced = price(&model(volume, side * side, [side; 3]), &book(card), &item);
        match priced {
            Ok(quote) => {
                let sum: i64 = quote.lines.iter().map(|line| line.amount_minor).sum();
                prop_assert_eq!(quote.total_minor, sum);
            }
            Err(error) => prop_assert!(matches!(error, PriceError::TooLarge | PriceError::NotExact(_))),
        }
    }

    #[test]
    fn the_same_input_gives_the_same_price_and_it_survives_json((model, book, item) in any_case()) {
        let quote = price(&model, &book, &item).unwrap();
        prop_assert_eq!(&quote, &price(&model, &book, &item).unwrap());
        let json = serde_json::to_string(&quote).unwrap();
        prop_assert_eq!(serde_json::from_str::<PriceBreakdown>(&json).unwrap(), quote);
    }
}

#[test]
fn a_gold_ring_by_the_fixing_with_stones_and_in_a_hurry_as_worked_out_by_hand() {
    let mut card = RateCard::sample();
    card.materials[1].price_per_gram = GramPrice::ByFixing(FixingRule {
        metal: Metal::Gold,
        fineness: "0.585".parse().unwrap(),
        markup: "0.10".parse().unwrap(),
    });
    let settings = vec![Stones { kind: "pave".into(), count: 12 }];
    let wish = Item { settings, rush: true, ..item("gold-585", "polished", 2) };
    // 0.3 cm³, 5 cm², 20 × 20 × 5 mm: 0.3 · 13.5 · 1.03 = 4.1715 g; 1.015³ = 1.045678375.
    let quote = price(&model(300.0, 500.0, [20.0, 20.0, 5.0]), &book(card), &wish).unwrap();
    assert_eq!(
        amounts(&quote),
        [
            (LineCode::Metal, 5_476_095), // 8.343 g × 10200.00 × 0.585 × 1.1 = 6563.70 a gram
            (LineCode::MeltLoss, 109_483), // 0.1668 g
            (LineCode::Casting, 375_435), // 8.343 g × 450.00
            (LineCode::CastingPiece, 30_000),
            (LineCode::Pattern, 15_685),      // 0.6274 cm³ × 250.00
            (LineCode::MachineSpace, 10_457), // 4.1828 cm³ × 25.00, rounded half up
            (LineCode::MachineTime, 3_310), // 2 · (5.075 mm · 0.035 + 0.3137 cm³ · 0.02) = 0.3678 h × 90.00
            (LineCode::FinishArea, 65_000),
            (LineCode::FinishPiece, 70_000),
            (LineCode::StoneSetting, 432_000), // 24 stones × 180.00
            (LineCode::Setup, 90_000),
            (LineCode::Rush, 2_337_113), // 35 % of 66774.65
            (LineCode::Rounding, 22),
            (LineCode::Vat, 1_802_920),
        ]
    );
    assert_eq!((quote.fixing_id, quote.card_version), (Some(1), 7));
    assert_eq!(quote.lead_time_days, Some(4));
    let stones = quote.lines.iter().find(|line| line.code == LineCode::StoneSetting).unwrap();
    assert_eq!(stones.detail.as_deref(), Some("pave"));
}

#[test]
fn what_is_printed_is_not_cast() {
    let cube = analysed(&cube([0.0; 3], 10.0));
    let quote = price(&cube, &PriceBook::sample(), &item("resin", "raw", 1)).unwrap();
    let codes: Vec<_> = quote.lines.iter().map(|line| line.code).collect();
    assert_eq!(codes[..2], [LineCode::Material, LineCode::Waste]);
    assert!(!codes.contains(&LineCode::Casting) && !codes.contains(&LineCode::Pattern));
    assert_eq!(quote.metal_grams, Decimal::ZERO);
    assert_eq!(quote.fixing_id, None, "its price does not go by a metal");
    let error = price(&cube, &PriceBook::sample(), &item("resin", "polished", 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "finish \"polished\" is not on the rate card for this material; it has raw, matte"
    );
}

fn by_gold() -> PriceBook {
    let mut card = RateCard::sample();
    let (fineness, markup) = (Decimal::ONE, Decimal::ZERO);
    card.materials[0].price_per_gram =
        GramPrice::ByFixing(FixingRule { metal: Metal::Gold, fineness, markup });
    book(card)
}

#[test]
fn a_metal_price_that_is_old_warns_and_one_that_is_missing_waits() {
    let (cube, wish) = (analysed(&cube([0.0; 3], 10.0)), item("silver-925", "raw", 1));
    let after = |change: fn(&mut PriceBook)| {
        let mut book = by_gold();
        change(&mut book);
        price(&cube, &book, &wish)
    };
    let stale = after(|book| set_gold(book, Freshness::Stale)).unwrap();
    assert_eq!(stale.warnings, [PriceWarning::StaleMetalPrice { metal: Metal::Gold }]);
    assert_eq!(stale.lines, after(|_| {}).unwrap().lines);
    let waits = [
        after(|book| set_gold(book, Freshness::TooOld)),
        after(|book| book.fixing = None),
        after(|book| book.fixing.as_mut().unwrap().prices.clear()),
        after(|book| book.card.currency = "EUR".into()),
    ];
    let codes = waits.map(|waits| {
        let error = waits.unwrap_err();
        assert!(error.may_succeed_later(), "{error}");
        error.code()
    });
    assert_eq!(
        codes,
        ["metal_fixing_too_old", "no_metal_fixing", "no_metal_fixing", "metal_fixing_currency"]
    );
}

fn set_gold(book: &mut PriceBook, freshness: Freshness) {
    let prices = &mut book.fixing.as_mut().unwrap().prices;
    prices.get_mut(&Metal::Gold).unwrap().freshness = freshness;
}

/// The base with a hole, whose volume has bounds two per cent apart.
fn holed() -> Analysis {
    let mut facets = base();
    facets.remove(7);
    let high_mm3 = analysed(&base()).volume_mm3;
    let bounds = VolumeBounds { low_mm3: 0.98 * high_mm3, high_mm3 };
    Analysis { volume_bounds: Some(bounds), ..analysed(&facets) }
}

#[test]
fn a_model_with_bounds_is_priced_at_the_upper_one_or_shown_to_a_person() {
    let (model, wish) = (holed(), item("silver-925", "raw", 1));
    let Standing::Provisional { low_mm3, high_mm3, .. } = model.standing() else { panic!() };
    let exact = |volume_mm3| {
        let sound = Analysis {
            volume_mm3,
            area_mm2: model.area_mm2,
            bbox_mm: model.bbox_mm,
            ..analysed(&base())
        };
        cost(&sound, &PriceBook::sample(), &wish)
    };
    let (low, high) = (exact(low_mm3), exact(high_mm3));
    let mut strict = PriceBook::sample();
    strict.card.provisional_spread = Decimal::ZERO;
    let refused = price(&model, &strict, &wish).unwrap_err();
    assert_eq!(refused.code(), "needs_a_person");
    let PriceError::NeedsAPerson { range, .. } = &refused else { panic!("{refused}") };
    assert_eq!((range.low_total_minor, range.high_total_minor), (low, high));

    let accepted = Item { accept_provisional: true, ..wish.clone() };
    let priced = price(&model, &strict, &accepted).unwrap();
    assert_eq!(priced.total_minor, high);
    assert_eq!(priced.range, Some(*range));
    assert_eq!(priced.warnings[0].code(), "provisional_volume");

    let mut lenient = PriceBook::sample();
    lenient.card.provisional_spread = Decimal::new(99, 2);
    assert_eq!(price(&model, &lenient, &wish).unwrap().total_minor, high);
}
