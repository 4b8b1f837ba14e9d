//! Prices: worked out by hand, and rules that hold for every model and card.

use pricing::analysis::Analysis;
use pricing::quote::{Item, LineCode, MAX_QUANTITY, PriceBreakdown, PriceError, price};
use pricing::rate_card::{QuantityBreak, RateCard, RoundingMode};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::shapes::{analysed, base, cube};

fn item(material: &str, finish: &str, quantity: u32) -> Item {
    Item { material: material.into(), finish: finish.into(), quantity }
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
        &RateCard::sample(),
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
        price(&model(1.0, 6.0, [1.0; 3]), &RateCard::sample(), &item("gold-750", "matte", 20))
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
    let card = RateCard::sample();
    let quote = price(&model(1.0, 6.0, [1.0; 3]), &card, &item("brass", "raw", 1)).unwrap();
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
    let quote = price(&model, &RateCard::sample(), &item("gold-585", "matte", 20)).unwrap();
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
    let (card, good) = (RateCard::sample(), analysed(&base()));
    let refused = |model: &Analysis, item: &Item| price(model, &card, item).unwrap_err();

    let error = refused(&good, &item("adamantium", "raw", 1));
    assert_eq!(error.code(), "unknown_material");
    assert!(error.to_string().contains("adamantium"));
    assert!(error.to_string().contains("silver-925"));
    assert_eq!(refused(&good, &item("brass", "velvet", 1)).code(), "unknown_finish");
    for quantity in [0, MAX_QUANTITY + 1] {
        assert_eq!(refused(&good, &item("brass", "raw", quantity)), PriceError::QuantityOutOfRange);
    }
    let mut holed = base();
    holed.remove(7);
    let error = refused(&analysed(&holed), &item("brass", "raw", 1));
    assert_eq!(error.code(), "not_closed");
    assert!(error.to_string().contains("3 edges border a hole"), "{error}");
    assert_eq!(
        refused(&analysed(&base().repeat(2)), &item("brass", "raw", 1)).code(),
        "not_manifold"
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
    (mode, 1_i64..500, breaks, 0_i64..2_000_000, 0_i64..200_000, 0_i64..5_000_000).prop_map(
        |(mode, net_step, breaks, setup, per_piece, per_order)| {
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
            card
        },
    )
}

fn any_item() -> impl Strategy<Value = Item> {
    let card = RateCard::sample();
    let materials: Vec<_> = card.materials.into_iter().map(|material| material.id).collect();
    let finishes: Vec<_> = card.finishes.into_iter().map(|finish| finish.id).collect();
    (prop::sample::select(materials), prop::sample::select(finishes), 1_u32..80)
        .prop_map(|(material, finish, quantity)| Item { material, finish, quantity })
}

proptest! {
    #[test]
    fn lines_add_up_and_each_is_its_quantity_times_its_rate(
        model in any_model(), card in any_card(), item in any_item(),
    ) {
        card.validate().unwrap();
        let quote = price(&model, &card, &item).unwrap();
        let sum: i64 = quote.lines.iter().map(|line| line.amount_minor).sum();
        prop_assert_eq!(sum, quote.total_minor);
        prop_assert_eq!(quote.net_minor + quote.vat_minor, quote.total_minor);
        prop_assert_eq!(quote.net_minor % card.rounding.net_step, 0);
        prop_assert!(quote.net_minor >= card.minimum_per_order);
        for line in &quote.lines {
            let exact = line.quantity * line.rate;
            prop_assert!((exact - Decimal::from(line.amount_minor)).abs() < Decimal::ONE);
            let only_breaks = line.amount_minor >= 0 || line.code == LineCode::QuantityBreak;
            prop_assert!(only_breaks, "{:?}", line);
        }
    }

    #[test]
    fn more_pieces_never_cost_less(model in any_model(), card in any_card(), item in any_item()) {
        let mut before = 0;
        for quantity in 1..=80 {
            let total = price(&model, &card, &Item { quantity, ..item.clone() })
                .unwrap()
                .total_minor;
            prop_assert!(total >= before, "{quantity} pieces: {total} after {before}");
            before = total;
        }
    }

    #[test]
    fn the_same_input_gives_the_same_price_and_it_survives_json(
        model in any_model(), card in any_card(), item in any_item(),
    ) {
        let quote = price(&model, &card, &item).unwrap();
        prop_assert_eq!(&quote, &price(&model, &card, &item).unwrap());
        let json = serde_json::to_string(&quote).unwrap();
        prop_assert_eq!(serde_json::from_str::<PriceBreakdown>(&json).unwrap(), quote);
    }
}
