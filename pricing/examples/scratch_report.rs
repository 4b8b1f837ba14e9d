use pricing::analysis::{Unit, analyse};
fn main() {
    let card: pricing::rate_card::RateCard =
        serde_json::from_str(include_str!("../rate_cards/demo.json")).unwrap();
    let limits = pricing::report::Limits::from(&card);
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let mesh = pricing::mesh::read(&bytes).unwrap();
        let t = std::time::Instant::now();
        let a = analyse(&mesh, Unit::Millimetre);
        let ta = t.elapsed().as_secs_f64() * 1e3;
        let t = std::time::Instant::now();
        let r = pricing::report::inspect(&mesh, &a, &limits);
        println!(
            "=== {path} analyse {ta:.0} inspect {:.0}ms {} facets {:?}",
            t.elapsed().as_secs_f64() * 1e3,
            a.facets,
            a.verdict()
        );
        println!("{:?}", serde_json::to_string(&r.measures).unwrap());
        for f in &r.findings {
            println!(
                "  {:?} {:?} {:?}\n     {}\n     {}",
                f.severity,
                f.code,
                f.numbers.iter().map(|n| (n.name.clone(), n.value)).collect::<Vec<_>>(),
                f.ru,
                f.en
            );
        }
    }
}
