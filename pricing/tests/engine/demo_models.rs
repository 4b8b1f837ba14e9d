//! The models the simulator orders must be sound and of the size of jewellery.

use std::fs;
use std::path::PathBuf;

use pricing::analysis::{Unit, Verdict, analyse};
use pricing::mesh::read;
use pricing::quote::{Item, PriceBook, price};

#[test]
fn every_demo_model_is_exact_and_can_be_priced() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "stl") {
            continue;
        }
        seen += 1;
        let name = path.display();
        let model = analyse(&read(&fs::read(&path).unwrap()).unwrap(), Unit::Millimetre);
        assert_eq!(model.verdict(), Verdict::Exact, "{name}");
        assert_eq!((model.negative_shells, model.zero_area_facets), (0, 0), "{name}");
        assert!(model.signed_volume_mm3 > 0.0, "{name}");
        assert!(model.bbox_mm.iter().all(|extent| (1.0..60.0).contains(extent)), "{name}");
        let (material, finish) = ("silver-925".to_owned(), "polished".to_owned());
        let item = Item { material, finish, quantity: 1, ..Item::default() };
        let quote = price(&model, &PriceBook::sample(), &item).unwrap();
        assert!(quote.total_minor > 100_000, "{name}");
    }
    assert!(seen >= 5);
}
