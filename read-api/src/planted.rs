//! Bugs on purpose, to show that a campaign of faults finds them: only in binaries that are built with the feature
//! `planted-bugs`, and of those only the one that the environment names.

/// Whether this one is planted.
pub fn is(bug: &str) -> bool {
    static PLANTED: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("MES_PLANTED_BUG").ok());
    PLANTED.as_deref() == Some(bug)
}
