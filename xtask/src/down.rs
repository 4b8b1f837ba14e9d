//! `cargo xtask down`: stops a running stack from another shell and removes its data.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::{Signal, kill};

use crate::home::Home;
use crate::{interrupt, lock};

/// Longer than every grace period of an ordered stop together.
const LIMIT: Duration = Duration::from_mins(2);

#[derive(clap::Args)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "main")]
    name: String,
    /// Keep the data: the next `up` goes on with it
    #[arg(long)]
    keep: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    if !home.root.exists() {
        bail!("there is no stack `{}`", args.name);
    }
    let running = stop(&home, args.keep)?;
    // Taken while the data goes, so that no `up` starts on it in the same moment.
    let Some(_lock) = lock::take(&home)? else {
        bail!("somebody has started `{}` again", args.name)
    };
    if !args.keep {
        home.remove_data()?;
    }
    let what = if running { "stopped" } else { "was not running" };
    let data = if args.keep { "its data is kept" } else { "its data is removed" };
    println!("`{}` {what}; {data}; logs stay in {}", args.name, home.root.join("logs").display());
    Ok(())
}

/// Asks the supervisor to stop everything and waits for it.
pub fn stop(home: &Home, keep: bool) -> Result<bool> {
    let Some(supervisor) = lock::holder(home)? else { return Ok(false) };
    if keep {
        fs::write(home.keep_marker(), "")?;
    }
    println!("stopping `{}` (process {supervisor})", home.name);
    kill(supervisor, Signal::SIGTERM)?;
    let deadline = Instant::now() + LIMIT;
    while lock::holder(home)?.is_some() {
        interrupt::check()?;
        if Instant::now() > deadline {
            bail!(
                "`{}` did not stop within {} s; its supervisor is process {supervisor}",
                home.name,
                LIMIT.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}
