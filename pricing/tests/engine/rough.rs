//! The rough price holds the exact one between its ends, for the pieces that it was made for.

use std::fs;
use std::path::PathBuf;

use pricing::analysis::{Analysis, Unit, analyse};
use pricing::mesh::read;
use pricing::quote::{Item, PriceBook, PriceError, Stones, price};
use pricing::rough::{Basis, Known, KnownVolume, error, rough};
use proptest::prelude::*;

fn demo_models() -> Vec<Analysis> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let models = paths.filter(|path| path.extension().is_some_and(|kind| kind == "stl"));
    models.map(|path| analyse(&read(&fs::read(path).unwrap()).unwrap(), Unit::Millimetre)).collect()
}

fn of_the_box(model: &Analysis) -> Known {
    Known { facets: model.facets, bbox_mm: model.bbox_mm, volume: None, area_mm2: None }
}

fn items() -> impl Iterator<Item = Item> {
    let wishes = [("silver-925", 1), ("gold-585", 3), ("brass", 50), ("resin", 1)];
    let stones = |(kind, count): (&str, u32)| Stones { kind: kind.to_owned(), count };
    let set = [("pave", 40), ("prong", 1)].map(stones).to_vec();
    let extras = [(false, Vec::new()), (true, Vec::new()), (true, set)];
    wishes.into_iter().flat_map(move |(material, quantity)| {
        extras.clone().map(|(rush, settings)| Item {
            material: material.to_owned(),
            finish: "matte".to_owned(),
            quantity,
            rush,
            settings,
            ..Item::default()
        })
    })
}

#[test]
fn the_exact_price_of_jewellery_lies_between_the_ends() {
    let book = PriceBook::sample();
    for model in demo_models() {
        for item in items() {
            let (exact, guess) = (
                price(&model, &book, &item).unwrap(),
                rough(&of_the_box(&model), &book, &item).unwrap(),
            );
            let within = guess.low_total_minor..=guess.high_total_minor;
            assert!(within.contains(&exact.total_minor), "{guess:?}, {}", exact.total_minor);
            assert!(within.contains(&guess.likely_total_minor));
            assert_eq!(guess.basis, Basis::Box);
        }
    }
}

#[test]
fn a_closed_surface_whose_volume_is_known_leaves_no_doubt() {
    let book = PriceBook::sample();
    for model in demo_models() {
        let volume = |closed| Some(KnownVolume { mm3: -model.volume_mm3, closed });
        let known = Known { area_mm2: Some(model.area_mm2), ..of_the_box(&model) };
        for item in items() {
            let exact = price(&model, &book, &item).unwrap().total_minor;
            let closed = rough(&Known { volume: volume(true), ..known }, &book, &item).unwrap();
            assert_eq!((closed.low_total_minor, closed.high_total_minor), (exact, exact));
            assert_eq!(error(closed.likely_total_minor, exact), Some(0.0));
            let open = rough(&Known { volume: volume(false), ..known }, &book, &item).unwrap();
            assert_eq!((open.likely_total_minor, open.basis), (exact, Basis::OpenVolume));
            assert!(open.low_total_minor <= exact && exact <= open.high_total_minor);
        }
    }
}

#[test]
fn a_wish_that_cannot_be_granted_is_refused_at_once() {
    let (book, known) = (PriceBook::sample(), of_the_box(&demo_models()[0]));
    let wish = items().next().unwrap();
    let adamantium = Item { material: "adamantium".to_owned(), ..wish.clone() };
    assert_eq!(rough(&known, &book, &adamantium).unwrap_err().code(), "unknown_material");
    let nothing = Known { facets: 0, ..known };
    assert_eq!(rough(&nothing, &book, &wish).unwrap_err(), PriceError::TooLarge);
}

proptest! {
    #[test]
    fn the_ends_are_in_order_and_nothing_panics(
        bbox_mm in prop::array::uniform3(any::<f64>()), facets in 0_u64..10, mm3 in any::<f64>(),
        closed in any::<bool>(), area_mm2 in prop::option::of(any::<f64>()),
    ) {
        let book = PriceBook::sample();
        for volume in [None, Some(KnownVolume { mm3, closed })] {
            let known = Known { facets, bbox_mm, volume, area_mm2: area_mm2.map(f64::abs) };
            for item in items() {
                if let Ok(guess) = rough(&known, &book, &item) {
                    prop_assert!(guess.low_total_minor <= guess.likely_total_minor, "{guess:?}");
                    prop_assert!(guess.likely_total_minor <= guess.high_total_minor, "{guess:?}");
                }
            }
        }
    }
}
