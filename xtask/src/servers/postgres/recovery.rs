//! A primary is made from a base backup and the archived log, up to a moment.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::archive::{Archive, Base, Moment};
use super::{Follows, Node};
use crate::cluster::fence;
use crate::home::remove_folder;
use crate::process;
use crate::servers::Setup;

/// Reading the log of days takes a while.
const LIMIT: Duration = Duration::from_hours(6);
/// The name of the new timeline is archived right after it began.
const NAMED: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// What is wanted back.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The moment; nothing for all that there is.
    pub to: Option<Moment>,
    /// Along which timeline; nothing for the newest one.
    pub timeline: Option<u32>,
}

impl Wish {
    /// The newest base backup from which the log leads there.
    pub fn choose(&self, archive: &Archive) -> Result<Base> {
        let bases = archive.bases()?;
        ensure!(!bases.is_empty(), "there is no base backup; `cargo xtask backup` makes one");
        let timeline = self.timeline.unwrap_or_else(|| archive.newest_timeline());
        let history = archive.history(timeline)?;
        let known: Vec<String> = bases.iter().map(|base| base.finished.to_string()).collect();
        let leads_there = |base: &Base| {
            let is_before = self.to.as_ref().is_none_or(|to| base.finished <= *to);
            is_before && base.is_on(timeline, &history)
        };
        let chosen = bases.into_iter().rev().find(leads_there);
        chosen.with_context(|| {
            let to = self.to.as_ref().map_or("the end", Moment::as_str);
            format!("no base backup leads to {to} on timeline {timeline}: {}", known.join(", "))
        })
    }
}

/// Replaces whatever the servers of a stack that does not run have: the first one is the primary, as it was at that moment
/// and on a timeline of its own, and is stopped again; the others have nothing, and get a copy when they start. Answers
/// with the timeline.
///
/// # Errors
/// When the archive does not lead there. It can be tried again: what the lost primary had is kept until it has worked.
pub fn recover(setup: &Setup, archive: &Archive, base: &Base, wish: &Wish) -> Result<u32> {
    Base::verify(&base.folder).context("the base backup is damaged")?;
    set_aside(setup, archive)?;
    let node = Node::all(setup.purpose).next().context("a stack has servers")?;
    let data = super::folder(setup, node)?;
    process::output(Command::new("cp").arg("-a").arg(&base.folder).arg(&data))?;
    let signal = data.join("recovery.signal");
    fs::write(&signal, "")?;
    super::give_to_server_user(&signal)?;
    super::note_primary(setup, node)?;
    write_recovery_settings(setup, node, archive, wish)?;

    let mut server = super::launch(setup, node)?.start()?;
    let is_over = "SELECT NOT pg_is_in_recovery()";
    let asked = || super::psql_at(setup, node, "postgres", is_over);
    server
        .wait_until(LIMIT, || asked().is_ok_and(|answer| answer.trim() == "t"))
        .context("it could not be recovered; does the archived log reach so far?")?;
    let timeline = timeline_of(setup, node)?;
    // Otherwise the next restore would give the same number to another future.
    let deadline = Instant::now() + NAMED;
    while !archive.holds(&format!("{timeline:08X}.history")) {
        ensure!(Instant::now() < deadline, "timeline {timeline} is not archived");
        std::thread::sleep(LOOK);
    }
    super::write_settings(setup, node, Follows::Nobody)?;
    server.stop();
    Ok(timeline)
}

fn write_recovery_settings(
    setup: &Setup,
    node: Node,
    archive: &Archive,
    wish: &Wish,
) -> Result<()> {
    super::write_settings(setup, node, Follows::Nobody)?;
    let path = node.data(setup).join("mes.conf");
    let settings = fs::read_to_string(&path)?;
    let command = archive.restore_command();
    let target = wish
        .to
        .as_ref()
        .map_or_else(String::new, |to| format!("recovery_target_time = '{}'\n", to.as_target()));
    let timeline = wish.timeline.map_or_else(|| "latest".to_owned(), |number| number.to_string());
    let settings = format!(
        "{settings}restore_command = {command}\n{target}\
         recovery_target_timeline = '{timeline}'\n\
         recovery_target_action = 'promote'\n"
    );
    // Written over what is there, so that it still belongs to the server.
    fs::write(&path, settings).with_context(|| format!("cannot write {}", path.display()))
}

/// What the primary had is kept, because its last log may not be archived yet; what an earlier attempt left is not.
fn set_aside(setup: &Setup, archive: &Archive) -> Result<()> {
    for node in Node::all(setup.purpose) {
        fence::end_all(&node.data(setup))?;
    }
    let is_whole = |node: &Node| {
        let data = node.data(setup);
        data.join("PG_VERSION").exists() && !data.join("recovery.signal").exists()
    };
    let all = [super::primary(setup)].into_iter().chain(Node::replicas(setup));
    if let Some(node) = all.into_iter().find(is_whole) {
        remove_folder(&archive.lost())?;
        fs::rename(node.data(setup), archive.lost())?;
    }
    for node in Node::all(setup.purpose) {
        remove_folder(&node.data(setup))?;
    }
    Ok(())
}

fn timeline_of(setup: &Setup, node: Node) -> Result<u32> {
    let name = "SELECT pg_walfile_name(pg_current_wal_lsn())";
    let name = super::psql_at(setup, node, "postgres", name)?;
    match name.get(..8).map(|number| u32::from_str_radix(number, 16)) {
        Some(Ok(timeline)) => Ok(timeline),
        _ => bail!("`{}` names no timeline", name.trim()),
    }
}
