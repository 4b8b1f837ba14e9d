//! `cargo xtask backup`: a base backup of a running stack, from which on every file of the log is archived.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::home::Home;
use crate::lock;
use crate::servers::Setup;
use crate::servers::postgres::archive::{Archive, Base, KEPT, Moment};
use crate::servers::postgres::{self, Node};

/// A file of the log is archived within so long; the servers may not have heard of the archive yet.
const ARCHIVED: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

#[derive(clap::Args)]
pub struct Args {
    /// The stack's name
    #[arg(long, default_value = "main")]
    name: String,
    /// End it: nothing is archived any more, and every backup is removed
    #[arg(long)]
    off: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let home = Home::of(&args.name)?;
    if lock::holder(&home)?.is_none() {
        bail!("no stack `{}` is running", args.name);
    }
    let setup = Setup::recorded(&args.name)?;
    let archive = Archive::of(&setup);
    if args.off {
        archive.switch_off(&setup)?;
        println!("nothing of `{}` is archived any more, and its backups are gone", args.name);
        return Ok(());
    }
    let finished = make(&setup, &archive)?;
    let ((files, bytes), kept) = (archive.size(), archive.bases()?);
    let oldest = kept.first().map_or(&finished, |base| &base.finished);
    println!("a base backup is made and verified: {finished}");
    println!(
        "{} of at most {KEPT} are kept, and {files} files of the log since {oldest}, {} MB",
        kept.len(),
        bytes >> 20,
    );
    println!("back to any moment since: cargo xtask restore --name {} --to {finished}", args.name);
    Ok(())
}

/// Makes a base backup, and archives from before it on. Answers with the first moment that it leads to.
fn make(setup: &Setup, archive: &Archive) -> Result<Moment> {
    let mode = postgres::psql(setup, "postgres", "SHOW archive_mode")?;
    ensure!(mode.trim() == "always", "its servers were started without: start the stack anew");
    archive.switch_on(setup)?;
    let _lock = archive.lock()?;
    wait_for_the_archive(setup, archive)?;
    let draft = archive.draft();
    postgres::base_backup(setup, &draft, None)?;
    Base::verify(&draft).context("the backup is damaged")?;
    let finished = now(setup)?;
    archive.add(&finished)?;
    archive.tidy()?;
    Ok(finished)
}

/// The primary's clock, which is what a restore goes by.
pub fn now(setup: &Setup) -> Result<Moment> {
    let now = format!("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', '{}')", Moment::FORMAT);
    postgres::psql(setup, "postgres", &now)?.trim().parse()
}

/// Waits until a file of the log that was written just now is in the archive.
pub fn wait_for_the_archive(setup: &Setup, archive: &Archive) -> Result<()> {
    const MARK: &str = "SELECT pg_walfile_name(pg_create_restore_point('a backup begins'))";
    let deadline = Instant::now() + LIMIT;
    loop {
        let file = postgres::psql(setup, "postgres", MARK)?;
        postgres::psql(setup, "postgres", "SELECT pg_switch_wal()")?;
        let next = Instant::now() + ARCHIVED;
        while Instant::now() < next {
            if archive.holds(file.trim()) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        let log = setup.home.log(&postgres::primary(setup).name());
        let servers = Node::all(setup.purpose).count();
        ensure!(
            Instant::now() < deadline,
            "none of {servers} servers archives its log; {} says why",
            log.display()
        );
    }
}
