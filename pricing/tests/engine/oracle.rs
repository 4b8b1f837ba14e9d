//! Real models, and what independent programs agree on about them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use pricing::analysis::{Analysis, Unit, Verdict, analyse};
use pricing::mesh::{FacetCounter, read};

use crate::shapes::close;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

type Row = BTreeMap<String, String>;

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(folder().join("oracle.csv")).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').map(str::to_owned));
    let names: Vec<_> = lines.next().unwrap().collect();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

fn count(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap()
}

fn analysed(row: &Row) -> Analysis {
    let bytes = fs::read(folder().join(&row["path"])).unwrap();
    let mesh = read(&bytes).unwrap();
    let mut counter = FacetCounter::new();
    bytes.chunks(8_191).for_each(|chunk| counter.push(chunk));
    let estimate = counter.finish(bytes.len() as u64).unwrap();
    assert_eq!(estimate.format, mesh.format());
    assert_eq!(estimate.facets, mesh.facets().len() as u64);
    assert_eq!(mesh.format().as_str(), row["format"]);
    analyse(&mesh, Unit::Millimetre)
}

#[test]
fn flags_and_counts_agree_on_every_model() {
    for row in rows() {
        let name = &row["name"];
        let model = analysed(&row);
        assert_eq!(model.facets, count(&row, "facets"), "{name}");
        assert_eq!(u64::from(model.closed_oriented), count(&row, "closed_oriented"), "{name}");
        assert_eq!(model.boundary_edges, count(&row, "boundary_edges"), "{name}");
        assert_eq!(model.nonmanifold_edges, count(&row, "nonmanifold_edges"), "{name}");
        assert_eq!(model.badly_wound_edges, count(&row, "badly_wound_edges"), "{name}");
        assert_eq!(model.zero_area_facets, count(&row, "zero_area_facets"), "{name}");
        assert_eq!(u64::from(model.shells), count(&row, "shells_edge_connected"), "{name}");
        assert_eq!(
            u64::from(model.shells_vertex),
            count(&row, "shells_vertex_connected"),
            "{name}"
        );
    }
}

#[test]
fn volume_area_and_box_agree_where_the_volume_is_a_fact() {
    let exact: Vec<_> =
        rows().into_iter().filter(|row| row["verdict"].starts_with("exact")).collect();
    assert_eq!(exact.len(), 5);
    for row in exact {
        let name = &row["name"];
        let model = analysed(&row);
        assert_eq!(model.verdict(), Verdict::Exact, "{name}");
        assert!(model.watertight, "{name}");
        let (volume, area) = (number(&row, "volume_ref"), number(&row, "area_ref"));
        assert!(close(model.volume_mm3, volume, 1e-9), "{name}: {}", model.volume_mm3);
        assert!(close(model.area_mm2, area, 1e-9), "{name}: {}", model.area_mm2);
        // The table has the box as the shortest decimal of a difference of `f32`.
        for (axis, column) in ["bbox_x", "bbox_y", "bbox_z"].into_iter().enumerate() {
            let extent = model.bbox_mm[axis];
            assert!(close(extent, number(&row, column), 1e-7), "{name}: {column} {extent}");
        }
    }
}

#[test]
fn a_closed_model_whose_parts_touch_has_its_volume_and_says_so() {
    let defined: Vec<_> =
        rows().into_iter().filter(|row| row["verdict"].starts_with("volume defined")).collect();
    assert_eq!(defined.len(), 1);
    for row in defined {
        let model = analysed(&row);
        assert!(close(model.volume_mm3, number(&row, "volume_ref"), 1e-9), "{}", row["name"]);
        assert!(close(model.area_mm2, number(&row, "area_ref"), 1e-9), "{}", row["name"]);
        assert!(model.closed_oriented && model.nonmanifold_edges > 0, "{}", row["name"]);
    }
}

#[test]
fn an_open_model_gets_no_verdict_of_exact() {
    for row in rows().iter().filter(|row| row["verdict"].starts_with("volume undefined")) {
        let model = analysed(row);
        let Verdict::NotClosed { boundary_edges, nonmanifold_edges, badly_wound_edges } =
            model.verdict()
        else {
            panic!("{}: {:?}", row["name"], model.verdict())
        };
        assert_eq!(boundary_edges, model.boundary_edges);
        assert_eq!(nonmanifold_edges, model.nonmanifold_edges);
        assert_eq!(badly_wound_edges, model.badly_wound_edges);
        assert!(!model.watertight);
    }
}
