use pricing::analysis::{Standing, Unit, analyse};
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.rsplit('/').next().unwrap();
        match pricing::mesh::read(&bytes) {
            Err(e) => println!("{name}: {} {e}", e.code()),
            Ok(mesh) => {
                let t = std::time::Instant::now();
                let a = analyse(&mesh, Unit::Millimetre);
                let ms = t.elapsed().as_secs_f64() * 1e3;
                let st = match a.standing() {
                    Standing::Exact => format!("EXACT {}", a.volume_mm3),
                    Standing::Provisional { low_mm3, high_mm3, .. } => format!(
                        "PROV [{low_mm3:.6}, {high_mm3:.6}] spread {:.5}%",
                        100.0 * (high_mm3 - low_mm3) / high_mm3
                    ),
                    Standing::Refused { .. } => format!("REFUSED {:?}", a.volume_bounds),
                };
                println!(
                    "{name}: {ms:.0}ms {} {st} raw {:.6} shells {}/{} pieces {} voids {} dup {} ov {:?} touch {} mis {:?} {:?}",
                    a.verdict().as_str(),
                    a.signed_volume_mm3,
                    a.shells,
                    a.shells_vertex,
                    a.pieces,
                    a.voids,
                    a.duplicate_facets,
                    a.overlapping_pairs,
                    a.touching_pairs,
                    a.misoriented_shells,
                    a.repair
                );
            }
        }
    }
}
