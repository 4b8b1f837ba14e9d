//! The archive of a stack: base backups, and the log of all its servers since the first of them.
//!
//! `archive_mode` is on in every stack, because switching it on needs a restart, with a command that does nothing. The
//! first backup writes a file that every server includes and that names a real one; no server is restarted for that, and
//! whoever never makes a backup has no archive that grows.
//!
//! It is `always`: standbys bring the log, too, so that nothing is missing of what the primary had not brought when it was
//! lost. Who comes second finds the same file there, and a different one is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Node, give_to_server_user, psql_at};
use crate::home::remove_folder;
use crate::process;
use crate::servers::Setup;

/// How many base backups are kept; and of the log, what the oldest of them needs.
pub const KEPT: usize = 3;
/// What is lost at most when every server is lost at once, in seconds: a file of the log is archived when it is full, or so
/// old.
const TIMEOUT_SECONDS: u32 = 60;
const KEEP: &str = include_str!("archive/keep.sh");
const FETCH: &str = include_str!("archive/fetch.sh");

/// Where backups and log are.
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    pub fn of(setup: &Setup) -> Self {
        Self { folder: setup.home.data.join("archive") }
    }

    /// Begins to archive, if that has not begun. Servers that are down hear of it when they start.
    pub fn switch_on(&self, setup: &Setup) -> Result<()> {
        for folder in [self.folder.clone(), self.wal(), self.base()] {
            fs::create_dir_all(&folder)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
            give_to_server_user(&folder)?;
        }
        for (name, script) in [("keep.sh", KEEP), ("fetch.sh", FETCH)] {
            fs::write(self.folder.join(name), script)?;
        }
        let settings = format!(
            "archive_command = {}\narchive_timeout = '{TIMEOUT_SECONDS}s'\n",
            setting(&format!("{} \"%p\" \"%f\"", self.script("keep.sh"))),
        );
        fs::write(self.settings(), settings)?;
        reload(setup)
    }

    /// Ends it and removes everything that was archived.
    pub fn switch_off(&self, setup: &Setup) -> Result<()> {
        if self.settings().exists() {
            fs::remove_file(self.settings())?;
        }
        reload(setup)?;
        remove_folder(&self.folder)
    }

    /// The lines of a server's configuration that switch it on when that is wanted.
    pub fn inclusion(&self) -> String {
        format!("include_if_exists {}\n", setting(&self.settings().to_string_lossy()))
    }

    /// PostgreSQL's `restore_command`, as it stands in a configuration.
    pub fn restore_command(&self) -> String {
        setting(&format!("{} \"%f\" \"%p\"", self.script("fetch.sh")))
    }

    /// Whether it has a file of the log.
    pub fn holds(&self, file: &str) -> bool {
        self.wal().join(format!("{file}.gz")).exists()
    }

    /// Where a base backup is made that is not finished.
    pub fn draft(&self) -> PathBuf {
        self.base().join("draft")
    }

    /// A base backup is finished, and counts.
    pub fn add(&self, finished: &Moment) -> Result<()> {
        Ok(fs::rename(self.draft(), self.base().join(&finished.0))?)
    }

    /// Where the data of the primary goes that a restore replaces.
    pub fn lost(&self) -> PathBuf {
        self.folder.join("lost")
    }

    /// Held while somebody makes a backup.
    pub fn lock(&self) -> Result<fs::File> {
        let file = fs::File::create(self.folder.join("lock"))?;
        ensure!(file.try_lock().is_ok(), "another backup is being made");
        Ok(file)
    }

    /// The base backups, the oldest first.
    pub fn bases(&self) -> Result<Vec<Base>> {
        let entries = fs::read_dir(self.base()).into_iter().flatten().flatten();
        let finished = entries.filter_map(|entry| {
            let finished = entry.file_name().to_str()?.parse::<Moment>().ok()?;
            Some((finished, entry.path()))
        });
        let mut bases =
            finished.map(|(at, folder)| Base::read(at, folder)).collect::<Result<Vec<_>>>()?;
        bases.sort_by(|one, other| one.finished.cmp(&other.finished));
        Ok(bases)
    }

    /// The newest timeline that it knows of.
    pub fn newest_timeline(&self) -> u32 {
        let names =
            self.files().filter_map(|(name, _)| name.strip_suffix(".history").map(timeline));
        names.flatten().max().unwrap_or(1)
    }

    /// The timelines that a timeline came from, and where each of them was left.
    pub fn history(&self, timeline: u32) -> Result<Vec<(u32, u64)>> {
        let path = self.wal().join(format!("{timeline:08X}.history.gz"));
        if timeline == 1 || !path.exists() {
            return Ok(Vec::new());
        }
        let text = process::output(Command::new("gunzip").arg("-c").arg(path))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let mut words = line.split_whitespace();
                let parent = words.next().context("no timeline")?.parse()?;
                Ok((parent, lsn(words.next().context("no place in the log")?)?))
            })
            .collect()
    }

    /// Removes what no base backup that is kept needs.
    pub fn tidy(&self) -> Result<()> {
        let mut bases = self.bases()?;
        for old in bases.drain(..bases.len().saturating_sub(KEPT)) {
            fs::remove_dir_all(old.folder)?;
        }
        // Across timelines: the same place has the same number on each.
        let Some(first) = bases.iter().filter_map(|base| place(&base.first_file)).min() else {
            return Ok(());
        };
        for (name, path) in self.files() {
            if Path::new(&name).extension().is_some_and(|end| end == "draft")
                || place(&name).is_some_and(|place| place < first)
            {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// How many files of the log it has, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        let sizes = self.files().filter_map(|(_, path)| path.metadata().ok());
        sizes.fold((0, 0), |(files, bytes), file| (files + 1, bytes + file.len()))
    }

    fn files(&self) -> impl Iterator<Item = (String, PathBuf)> {
        let entries = fs::read_dir(self.wal()).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.trim_end_matches(".gz").to_owned(), entry.path()))
        })
    }

    fn script(&self, name: &str) -> String {
        let path = self.folder.join(name).to_string_lossy().replace('\'', r"'\''");
        format!("sh '{}'", path.replace('%', "%%"))
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("archive.conf")
    }

    fn wal(&self) -> PathBuf {
        self.folder.join("wal")
    }

    fn base(&self) -> PathBuf {
        self.folder.join("base")
    }
}

/// A base backup.
#[derive(Debug)]
pub struct Base {
    pub finished: Moment,
    pub folder: PathBuf,
    /// Of the server that it is a copy of.
    pub timeline: u32,
    /// How much of the log it needs to be whole.
    end: u64,
    /// The first file of the log that it needs.
    first_file: String,
}

impl Base {
    fn read(finished: Moment, folder: PathBuf) -> Result<Self> {
        let what = || format!("{} is no base backup", folder.display());
        let label = fs::read_to_string(folder.join("backup_label")).with_context(what)?;
        let first_file = label.split_once("(file ").and_then(|(_, rest)| rest.split_once(')'));
        let (first_file, _) = first_file.with_context(what)?;
        let manifest = fs::read(folder.join("backup_manifest")).with_context(what)?;
        let manifest: Value = serde_json::from_slice(&manifest).with_context(what)?;
        let last = manifest["WAL-Ranges"].as_array().and_then(|ranges| ranges.last());
        let last = last.with_context(what)?;
        let end = lsn(last["End-LSN"].as_str().with_context(what)?)?;
        let timeline = last["Timeline"].as_u64().with_context(what)?.try_into()?;
        Ok(Self { finished, timeline, end, first_file: first_file.to_owned(), folder })
    }

    /// Whether a timeline with this history goes through it.
    pub fn is_on(&self, timeline: u32, history: &[(u32, u64)]) -> bool {
        let left = |(parent, at): &(u32, u64)| *parent == self.timeline && self.end <= *at;
        self.timeline == timeline || history.iter().any(left)
    }

    /// Compares every file with what was written down about it when the backup was made.
    pub fn verify(folder: &Path) -> Result<()> {
        let mut verify = super::as_server_user("pg_verifybackup")?;
        process::output(verify.arg("-q").arg(folder).current_dir("/")).map(drop)
    }
}

/// A moment in UTC, to the microsecond, always written alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(String);

impl Moment {
    /// What PostgreSQL writes it with, and what the archive calls a backup.
    pub const FORMAT: &str = r#"YYYY-MM-DD"T"HH24:MI:SS.US"Z""#;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As PostgreSQL's `recovery_target_time` takes it.
    pub fn as_target(&self) -> String {
        self.0.replace('T', " ").replace('Z', "+00")
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Moment {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        const SHAPE: &str = "0000-00-00T00:00:00";
        let whole = text.strip_suffix('Z').map(|text| text.split_once('.').unwrap_or((text, "")));
        let fits = |(seconds, fraction): &(&str, &str)| {
            let alike = |(one, shape): (char, char)| match shape {
                '0' => one.is_ascii_digit(),
                _ => one == shape,
            };
            seconds.len() == SHAPE.len()
                && seconds.chars().zip(SHAPE.chars()).all(alike)
                && fraction.len() <= 6
                && fraction.chars().all(|one| one.is_ascii_digit())
        };
        let Some((seconds, fraction)) = whole.filter(fits) else {
            bail!("`{text}` is no moment in UTC; write it as 2026-11-23T05:00:00Z");
        };
        Ok(Self(format!("{seconds}.{fraction:0<6}Z")))
    }
}

/// Lets every server that runs read its settings again.
fn reload(setup: &Setup) -> Result<()> {
    let primary = super::primary(setup);
    for node in Node::all(setup.purpose) {
        let reloaded = psql_at(setup, node, "postgres", "SELECT pg_reload_conf()");
        if node == primary {
            reloaded?;
        }
    }
    Ok(())
}

/// A text as it stands in a configuration.
fn setting(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A place in the log, in bytes.
fn lsn(text: &str) -> Result<u64> {
    let (high, low) = text.split_once('/').context("a place in the log has a `/`")?;
    Ok((u64::from_str_radix(high, 16)? << 32) | u64::from_str_radix(low, 16)?)
}

/// The number of a file of the log, without its timeline.
fn place(file: &str) -> Option<&str> {
    file.get(8..24).filter(|place| place.chars().all(|one| one.is_ascii_hexdigit()))
}

fn timeline(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests;
