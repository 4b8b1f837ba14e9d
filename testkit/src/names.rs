//! Names that no other test has, and that tell later whether their test still runs.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "mes_test";

/// A prefix for this test's Redis keys.
pub fn key_prefix() -> String {
    format!("{}:", unique())
}

/// `mes_test_<pid>_<start of the process>_<number>`.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let pid = std::process::id();
    let started = start_of(pid).unwrap_or_default();
    format!("{PREFIX}_{pid}_{started}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a name was made by a process that has ended.
pub(crate) fn is_abandoned(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let parts: Vec<u64> = rest.split('_').filter_map(|part| part.parse().ok()).collect();
    let [pid, started, _] = parts[..] else { return false };
    u32::try_from(pid).is_ok_and(|pid| start_of(pid) != Some(started))
}

/// When a process began, in the kernel's ticks: a pid comes again, the pair does not.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_abandoned_when_its_process_has_ended() {
        let mine = unique();
        assert!(!is_abandoned(&mine), "{mine}");
        assert!(is_abandoned(&format!("{PREFIX}_{}_1_1", std::process::id())));
        assert!(!is_abandoned("mes_template") && !is_abandoned("postgres"));
    }

    #[test]
    fn no_two_names_are_the_same() {
        assert_ne!(unique(), unique());
    }
}
