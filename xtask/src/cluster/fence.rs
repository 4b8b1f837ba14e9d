//! Nobody works in a folder any more.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that was killed is gone at once, unless the kernel itself holds it.
const LIMIT: Duration = Duration::from_secs(5);

/// Kills whoever works in this folder, and waits until nobody does. A server of PostgreSQL works in the folder of its
/// data, all its processes do, and they outlive their parent for a moment, or for ever while they are frozen.
///
/// # Errors
/// When somebody is still there: then the folder's server may still take writes.
pub fn end_all(folder: &Path) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let left = working_in(folder);
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "processes {left:?} cannot be ended");
        for pid in left {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn working_in(folder: &Path) -> BTreeSet<i32> {
    let Ok(folder) = folder.canonicalize() else { return BTreeSet::new() };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // A process that has ended and was not waited for yet works nowhere.
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|at| at == folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_frozen_child_of_a_dead_parent_is_ended_too() {
        let folder = std::env::temp_dir().join(format!("xtask-fence-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let script = "sleep 100 & kill -STOP $!; echo; wait";
        let mut parent =
            Command::new("sh").args(["-c", script]).current_dir(&folder).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while working_in(&folder).len() < 2 {
            assert!(Instant::now() < deadline, "the shell has no child");
            std::thread::yield_now();
        }
        parent.kill().unwrap();
        parent.wait().unwrap();
        assert_eq!(working_in(&folder).len(), 1);
        end_all(&folder).unwrap();
        assert!(working_in(&folder).is_empty());
        fs::remove_dir_all(&folder).unwrap();
    }
}
