//! Small helpers around files.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};

/// Writes a file that only its owner can read: it may hold passwords.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    // A file left by an earlier run may belong to another user; a fresh one is ours.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// Marks a file as changed, so that cargo compiles it again; answers with the time before.
pub fn touch(path: &Path) -> Result<SystemTime> {
    let before = fs::metadata(path).and_then(|metadata| metadata.modified())?;
    set_modified(path, now())?;
    Ok(before)
}

pub fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    let file = File::options().write(true).open(path);
    let done = file.and_then(|file| file.set_times(FileTimes::new().set_modified(time)));
    done.with_context(|| format!("cannot set the time of {}", path.display()))
}

/// The time of the machine.
#[expect(
    clippy::disallowed_methods,
    reason = "a command-line tool has no injected clock: tokens must end in the real future"
)]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
