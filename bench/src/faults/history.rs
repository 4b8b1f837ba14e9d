//! What the outside world saw, one line of JSON each, appended and never changed. The checker reads it back from the
//! file: whatever is not in the file did not happen.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since the campaign began.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Entry {
    /// Somebody asked for something, for the first time or again.
    Invoked {
        /// The same over all attempts.
        op: String,
        /// What was asked.
        call: Call,
    },
    /// An attempt of an operation ended.
    Ended {
        /// Which operation.
        op: String,
        /// When this attempt began, milliseconds since the campaign began.
        since: u64,
        /// How.
        outcome: Outcome,
    },
    /// A stand-in has a message, and acknowledges it after this line was written.
    Received {
        /// `shop` or `crm`.
        by: String,
        /// The event's id.
        event: String,
        /// Which order.
        order_id: Uuid,
        /// Its version.
        version: u64,
        /// The event's name in the log.
        kind: String,
    },
    /// Somebody asked the read API for their own write.
    Read {
        /// Which order.
        order_id: Uuid,
        /// The version that the writer was told.
        wrote: u64,
        /// The version that the reader was shown, if any.
        seen: Option<u64>,
        /// Whether the answer said that it is not fresh enough, or that there is none now.
        excused: bool,
    },
    /// The nemesis did something.
    Fault {
        /// Which step of the plan.
        step: usize,
        /// What, as in the plan.
        fault: String,
        /// Whether it hit: the process died, connections broke, the alarm rang.
        hit: bool,
        /// How it is known.
        evidence: String,
    },
    /// The primary is about to be lost, in this step of the plan.
    PrimaryLost {
        /// Which.
        step: usize,
    },
    /// No synchronous standby could confirm anything from here on.
    StandbyFrozen,
    /// The synchronous standby can confirm again.
    StandbyThawed,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Call {
    /// "Make order" by a partner, over REST.
    Submit {
        /// The partner's number.
        external_id: String,
    },
    /// "Make order" by the shop, as a message.
    Publish {
        /// The shop's number.
        external_id: String,
    },
    /// A partner calls an order off, over REST.
    Cancel {
        /// Which.
        order_id: Uuid,
    },
    /// The CRM confirms an order, as a message.
    Approve {
        /// Which.
        order_id: Uuid,
    },
    /// The CRM has the order in its books, as a message.
    Acknowledge {
        /// Which.
        order_id: Uuid,
    },
    /// A message that nobody can read.
    Poison {
        /// Its body.
        body: String,
    },
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// 2xx.
    Ok {
        /// Which order.
        order_id: Uuid,
        /// Its version in the answer.
        version: u64,
        /// SHA-256 of the answer's body, in hexadecimal.
        answer: String,
    },
    /// The broker has it: confirmed and not returned.
    Confirmed,
    /// The service says no, and would say it again.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
    },
    /// Anything else: it may have happened.
    Unknown {
        /// What was seen.
        reason: String,
    },
}

/// Writes a history. Clones write the same one.
#[derive(Debug, Clone)]
pub struct History {
    began: Instant,
    path: PathBuf,
    file: Arc<Mutex<BufWriter<File>>>,
}

impl History {
    /// A new file.
    ///
    /// # Errors
    /// When it exists already, or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path)
            .with_context(|| format!("cannot write the history {}", path.display()))?;
        let file = Arc::new(Mutex::new(BufWriter::new(file)));
        Ok(Self { began: Instant::now(), path: path.to_owned(), file })
    }

    /// Milliseconds since the campaign began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Appends a line; the time of the line is taken under the same lock, so that times never go back.
    ///
    /// # Panics
    /// When the file cannot be written: a campaign without its history proves nothing.
    pub fn note(&self, entry: Entry) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line { at: self.now(), entry };
        serde_json::to_writer(&mut *file, &line).expect("the history can be written");
        file.write_all(b"\n").expect("the history can be written");
        // What is acknowledged to the broker next must not be lost with this process.
        file.flush().expect("the history can be written");
    }

    /// Everything is on the disk; answers with the file's SHA-256, in hexadecimal.
    ///
    /// # Errors
    /// When the file cannot be written or read.
    pub fn seal(&self) -> Result<String> {
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        hash_of(&self.path)
    }
}

fn hash_of(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// Reads a history line by line.
///
/// # Errors
/// When the file cannot be read, or a line is not one of a history.
pub fn read(path: &Path, mut each: impl FnMut(Line)) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let line = serde_json::from_str(&line?);
        each(line.with_context(|| format!("{}: line {number}", path.display()))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_the_hash_is_of_the_file() {
        let folder = std::env::temp_dir().join(format!("mes-history-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("history.jsonl");
        let history = History::create(&path).unwrap();
        let entries = [
            Entry::Invoked {
                op: "submit-1".to_owned(),
                call: Call::Submit { external_id: "F-1".to_owned() },
            },
            Entry::Ended {
                op: "submit-1".to_owned(),
                since: 0,
                outcome: Outcome::Unknown { reason: "reset".to_owned() },
            },
            Entry::StandbyFrozen,
        ];
        entries.iter().cloned().for_each(|entry| history.note(entry));
        let hash = history.seal().unwrap();
        let mut lines = Vec::new();
        read(&path, |line| lines.push(line.entry)).unwrap();
        assert_eq!(lines, entries);
        assert_eq!(hash, hex::encode(Sha256::digest(std::fs::read(&path).unwrap())));
        assert!(History::create(&path).is_err(), "a history is never written over");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
