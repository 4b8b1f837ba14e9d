//! Whether a stack is running: its supervisor holds a lock on `.mes/<name>/lock`, which the kernel
//! gives back whatever happens to the supervisor. The file holds the supervisor's process id.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, Write};

use anyhow::{Context, Result};
use nix::unistd::Pid;

use crate::home::Home;

/// Held while a stack runs.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock, or answers `None` when the stack is running.
pub fn take(home: &Home) -> Result<Option<Lock>> {
    fs::create_dir_all(&home.root)?;
    let path = home.root.join("lock");
    let options = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let mut file = options.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())?;
            Ok(Some(Lock { _file: file }))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock the stack"),
    }
}

/// The supervisor of a running stack.
pub fn holder(home: &Home) -> Result<Option<Pid>> {
    let path = home.root.join("lock");
    let Ok(file) = File::open(&path) else { return Ok(None) };
    if file.try_lock_shared().is_ok() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path)?;
    let pid = text.trim().parse().context("the lock names no process")?;
    Ok(Some(Pid::from_raw(pid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_can_hold_it_and_others_see_who() {
        let root = std::env::temp_dir().join(format!("xtask-lock-{}", std::process::id()));
        let home = Home { name: "x".to_owned(), data: root.clone(), root: root.clone() };
        assert_eq!(holder(&home).unwrap(), None);
        let held = take(&home).unwrap();
        assert!(held.is_some());
        assert!(take(&home).unwrap().is_none());
        assert_eq!(holder(&home).unwrap(), Some(Pid::this()));
        drop(held);
        assert_eq!(holder(&home).unwrap(), None);
        fs::remove_dir_all(root).unwrap();
    }
}
