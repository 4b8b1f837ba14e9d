//! Where a stack keeps its files: `.mes/<name>/` in the checkout.
//!
//! PostgreSQL runs as a user of its own when we are root, and that user must be able to enter
//! every folder on the way to its data. A checkout under `/root` cannot be entered, so the data
//! (not the logs) then goes to a folder under `/var/tmp` that belongs to this checkout.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use crate::servers::postgres;
use crate::{files, lock};

#[derive(Clone, Debug)]
pub struct Home {
    pub name: String,
    /// `.mes/<name>`: the record, the logs.
    pub root: PathBuf,
    /// Where the servers keep their data: the same folder, if their users can enter it.
    pub data: PathBuf,
}

impl Home {
    /// The places of a stack; nothing is created.
    pub fn of(name: &str) -> Result<Self> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            bail!("`{name}` cannot be a stack's name: use letters, digits and `-`");
        }
        let root = checkout().join(".mes").join(name);
        Ok(Self { name: name.to_owned(), data: root.clone(), root })
    }

    /// The places of a stack, created and checked.
    pub fn create(name: &str) -> Result<Self> {
        let mut home = Self::of(name)?;
        make_enterable(&home.root)?;
        if !can_be_entered(&home.root) {
            home.data = home.elsewhere();
            make_enterable(&home.data)?;
            belongs_to_us(&home.data)?;
            if !can_be_entered(&home.data) {
                bail!(
                    "the user `postgres` can enter neither {} nor {}; move the checkout to a folder that others may enter (chmod o+x)",
                    home.root.display(),
                    home.data.display()
                );
            }
        }
        Ok(home)
    }

    pub fn log(&self, process: &str) -> PathBuf {
        self.root.join("logs").join(format!("{process}.log"))
    }

    pub fn record(&self) -> PathBuf {
        self.root.join("stack.json")
    }

    /// Present when the data shall outlive the stack.
    pub fn keep_marker(&self) -> PathBuf {
        self.root.join("keep")
    }

    /// Removes the data of the servers wherever it lies; the logs stay.
    pub fn remove_data(&self) -> Result<()> {
        for folder in ["postgres", "archive", "redis", "rabbitmq", "models"] {
            remove_folder(&self.root.join(folder))?;
        }
        let record = self.record();
        if record.exists() {
            fs::remove_file(record)?;
        }
        remove_folder(&self.elsewhere())
    }

    /// Removes everything, logs too.
    pub fn remove(&self) -> Result<()> {
        self.remove_data()?;
        remove_folder(&self.root)
    }

    fn elsewhere(&self) -> PathBuf {
        let hash = Sha256::digest(checkout().to_string_lossy().as_bytes());
        let short = files::hex(&hash[..4]);
        PathBuf::from(format!("/var/tmp/mes-{}-{short}-{}", Uid::effective(), self.name))
    }
}

/// Removes what killed runs have left: stacks of this kind that nobody holds any more.
pub fn sweep(prefix: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(checkout().join(".mes")) else { return Ok(()) };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for name in names.filter(|name| name.starts_with(prefix)) {
        let home = Home::of(&name)?;
        if lock::holder(&home)?.is_none() {
            home.remove()?;
        }
    }
    Ok(())
}

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

fn make_enterable(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?;
    Ok(())
}

/// Asks as the user who must enter.
fn can_be_entered(folder: &Path) -> bool {
    let Some(user) = postgres::server_user() else { return true };
    let mut test = Command::new("runuser");
    test.args(["-u", user, "--", "test", "-x"]).arg(folder).current_dir("/");
    test.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// `/var/tmp` is everybody's: a folder that somebody else made there is not used.
fn belongs_to_us(folder: &Path) -> Result<()> {
    let metadata = fs::symlink_metadata(folder)?;
    if metadata.is_dir() && metadata.uid() == Uid::effective().as_raw() {
        return Ok(());
    }
    bail!("{} exists and belongs to somebody else; remove it", folder.display())
}

pub fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        assert!(Home::of("main").is_ok());
        for bad in ["", "..", "a/b", "a b"] {
            assert!(Home::of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_fallback_differs_by_name() {
        let one = Home::of("one").unwrap().elsewhere();
        let two = Home::of("two").unwrap().elsewhere();
        assert_ne!(one, two);
    }
}
