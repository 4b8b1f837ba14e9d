//! `cargo xtask failover`: asks the supervisor of a running stack for another primary, by a file.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::home::Home;
use crate::{interrupt, lock};

const LIMIT: Duration = Duration::from_mins(2);

#[derive(clap::Args)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "main")]
    name: String,
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    if lock::holder(&home)?.is_none() {
        bail!("no stack `{}` is running", args.name);
    }
    let _ = fs::remove_file(answer_file(&home));
    let path = request_file(&home);
    fs::write(&path, "asked for").with_context(|| format!("cannot write {}", path.display()))?;
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Ok(answer) = fs::read_to_string(answer_file(&home)) {
            println!("{answer}");
            return Ok(());
        }
        interrupt::check()?;
        if Instant::now() > deadline {
            bail!("the supervisor of `{}` did not answer", args.name);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The wish, if there is one; it is heard once.
pub fn take(home: &Home) -> Option<String> {
    let reason = fs::read_to_string(request_file(home)).ok()?;
    fs::remove_file(request_file(home)).ok()?;
    Some(reason)
}

/// What became of it.
pub fn answer(home: &Home, line: &str) {
    // Nobody may be waiting for it.
    let draft = home.root.join("failover.draft");
    let _ = fs::write(&draft, line).and_then(|()| fs::rename(draft, answer_file(home)));
}

/// Whoever writes this file leaves the wish for another primary; what it says is the reason.
pub fn request_file(home: &Home) -> PathBuf {
    home.root.join("failover")
}

fn answer_file(home: &Home) -> PathBuf {
    home.root.join("failover.answer")
}
