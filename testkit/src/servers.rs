//! Where the test servers are.

use std::path::PathBuf;

/// The Redis server; keep to your [`key_prefix`](crate::key_prefix).
pub fn redis_url() -> String {
    variable("MES_TEST_REDIS_URL")
}

/// A built binary of this workspace, such as `write-api`.
pub fn binary(name: &str) -> PathBuf {
    PathBuf::from(variable("MES_TEST_BIN_DIR")).join(name)
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `cargo xtask test`, which starts the servers")
    })
}
