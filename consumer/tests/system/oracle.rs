//! Models in every format through the whole system: uploaded over REST, ordered by a partner, priced by a worker, and
//! told again over REST to the last bit as the engine measures them, and as the oracle's table says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pricing::analysis::{Standing, Unit, analyse};
use pricing::mesh::read;
use serde_json::{Value, json};
use testkit::eventually;

use crate::stack::{PATIENCE, Stack};

/// One file for each format; the fuzzers' first inputs.
const FORMATS: [(&str, &str); 7] = [
    ("stl-binary", "stl_binary/cube"),
    ("stl-ascii", "stl_ascii/cube"),
    ("obj", "obj/ball"),
    ("3mf", "three_mf/packed"),
    ("ply", "ply/binary_little_endian"),
    ("off", "off/ball"),
    ("glb", "glb/cube"),
];

type Row = BTreeMap<String, String>;

#[tokio::test]
async fn every_model_is_told_as_the_engine_and_the_oracle_say() {
    let stack = Stack::start().await;
    for row in rows() {
        let bytes = fs::read(models().join(&row["path"])).unwrap();
        let told = through_the_system(&stack, &row["name"], &row["format"], bytes).await;
        hold_to_the_table(&row, &told);
    }
    for (format, seed) in FORMATS {
        let bytes = fs::read(root().join("fuzz/seeds").join(seed)).unwrap();
        let told = through_the_system(&stack, format, format, bytes).await;
        assert_eq!(told["standing"]["standing"], "exact", "{format}: {told}");
    }
}

/// Uploads, orders, waits, and answers what the read API says of the model.
async fn through_the_system(stack: &Stack, name: &str, format: &str, bytes: Vec<u8>) -> Value {
    let mesh = read(&bytes).unwrap();
    let unit = if mesh.unit().is_some() { "file" } else { "millimetre" };
    let analysis = analyse(&mesh, mesh.unit().unwrap_or(Unit::Millimetre));
    let uploaded = stack.uploaded(bytes).await;
    assert_eq!(uploaded["format"], format, "{name}: {uploaded}");
    let model_id = uploaded["model_id"].as_str().unwrap();
    let number = format!("P-{name}");
    let key = format!("submit-{number}");
    let accepted = stack.submit_in(&number, model_id, unit, &key).await.unwrap();
    let order: Value = accepted.json().await.unwrap();
    let order_id = order["order"]["order_id"].as_str().unwrap_or_else(|| panic!("{name}: {order}"));

    let standing = analysis.standing();
    let price = ended(stack, order_id).await;
    // Whatever the system charges for, it is the volume or the upper bound, and never a bare number.
    match &standing {
        Standing::Exact => {
            assert_eq!(price["model"]["volume_mm3"], json!(analysis.volume_mm3), "{name}");
        }
        Standing::Provisional { high_mm3, .. } if !price.is_null() => {
            assert_eq!(price["model"]["volume_mm3"], json!(high_mm3), "{name}");
            assert!(price["range"].is_object(), "{name}: {price}");
        }
        Standing::Provisional { .. } | Standing::Refused { .. } => {
            assert!(price.is_null(), "{name}: {price}");
        }
    }
    let path = format!("/v1/models/{model_id}/analysis?unit={unit}");
    let told = reported(stack, &path).await;
    assert_eq!(told["analysis"], serde_json::to_value(&analysis).unwrap(), "{name}");
    assert_eq!(told["standing"], serde_json::to_value(standing).unwrap(), "{name}");
    assert!(told["report"]["findings"].is_array(), "{name}: {told}");
    told
}

/// What is told of a model once the report, which comes after the price, is there.
async fn reported(stack: &Stack, path: &str) -> Value {
    let look = || async {
        let told = stack.read(&stack.partner_key, path).await?;
        told["report"].is_object().then_some(told)
    };
    eventually(&format!("{path} has a report"), || async { look().await.is_some() }, PATIENCE)
        .await;
    look().await.unwrap()
}

/// The order's price; null when it has none and a person must act.
async fn ended(stack: &Stack, order_id: &str) -> Value {
    let path = format!("/v1/orders/{order_id}");
    let look = || async {
        let card = stack.read(&stack.partner_key, &path).await?;
        let is_over =
            card["order"]["price"].is_object() || card["order"]["pricing"]["state"] == "failed";
        is_over.then(|| card["order"]["price"].clone())
    };
    eventually(
        &format!("{order_id} is priced or failed"),
        || async { look().await.is_some() },
        PATIENCE,
    )
    .await;
    look().await.unwrap()
}

fn hold_to_the_table(row: &Row, told: &Value) {
    let (name, analysis) = (&row["name"], &told["analysis"]);
    for (ours, theirs) in [
        ("facets", "facets"),
        ("boundary_edges", "boundary_edges"),
        ("nonmanifold_edges", "nonmanifold_edges"),
        ("badly_wound_edges", "badly_wound_edges"),
        ("zero_area_facets", "zero_area_facets"),
        ("shells", "shells_edge_connected"),
        ("shells_vertex", "shells_vertex_connected"),
    ] {
        assert_eq!(analysis[ours].to_string(), row[theirs], "{name}: {ours}");
    }
    let is_exact = row["verdict"].starts_with("exact");
    assert_eq!(told["standing"]["standing"] == "exact", is_exact, "{name}: {told}");
    if is_exact {
        for (ours, theirs) in [("volume_mm3", "volume_ref"), ("area_mm2", "area_ref")] {
            let (value, wanted) =
                (analysis[ours].as_f64().unwrap(), row[theirs].parse::<f64>().unwrap());
            assert!((value - wanted).abs() <= 1e-9 * wanted, "{name}: {ours} {value} {wanted}");
        }
    }
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(models().join("oracle.csv")).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').map(str::to_owned));
    let names: Vec<_> = lines.next().unwrap().collect();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

fn models() -> PathBuf {
    root().join("pricing/tests/models")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
