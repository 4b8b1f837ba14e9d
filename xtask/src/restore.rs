//! `cargo xtask restore`: a stack as its database was at a moment, and on from there.
//!
//! What lies outside the database, and what the outside world believes, is told in `docs/operations/restore.md`. Nothing is
//! done here about the epoch: the first follower of the log that leads on the new timeline begins one that never was.

use anyhow::{Result, bail, ensure};

use crate::home::Home;
use crate::servers::Setup;
use crate::servers::postgres::archive::{Archive, Moment};
use crate::servers::postgres::recovery::{self, Wish};
use crate::{down, lock, up};

#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// The moment, in UTC, as 2026-11-23T05:00:00Z; without it, all that was archived
    #[arg(long)]
    to: Option<Moment>,
    /// Along this timeline of PostgreSQL, for a future that an earlier restore has given up; by default the newest one
    #[arg(long)]
    timeline: Option<u32>,
    /// Leave the stack stopped
    #[arg(long)]
    stay_down: bool,
    #[command(flatten)]
    up: up::Args,
}

pub fn run(args: Args) -> Result<()> {
    let name = args.up.name.clone();
    let home = Home::of(&name)?;
    ensure!(home.record().exists(), "there is no stack `{name}`");
    // Found out while everything still runs.
    let setup = Setup::recorded(&name)?;
    let archive = Archive::of(&setup);
    let wish = Wish { to: args.to, timeline: args.timeline };
    let base = wish.choose(&archive)?;
    down::stop(&home, true)?;
    let Some(lock) = lock::take(&home)? else { bail!("somebody has started `{name}` again") };
    let to = wish.to.as_ref().map_or("all that was archived", Moment::as_str);
    println!("restoring `{name}` to {to}, from the base backup of {}", base.finished);
    let timeline = recovery::recover(&setup, &archive, &base, &wish)?;
    println!("the primary is back, on timeline {timeline}; what it had before is in");
    println!("  {}", archive.lost().display());
    drop(lock);
    if args.stay_down {
        println!("`cargo xtask up --name {name} --keep` goes on with it, and copies the standbys");
        return Ok(());
    }
    // What was just restored is not removed when the stack stops.
    let mut up = args.up;
    up.keep = true;
    up::run(&up)
}

#[cfg(test)]
mod drill;
