//! A new SQL file must be embedded, although no Rust file changed.

fn main() {
    println!("cargo::rerun-if-changed=sql");
}
