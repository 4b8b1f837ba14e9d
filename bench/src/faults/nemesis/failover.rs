//! The primary is lost in one way or another, and whoever keeps the servers running has to replace it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::{BACK, LOOK, Nemesis};
use crate::faults::plan::{Loss, STANDBYS};
use crate::faults::processes::{family, is_alive, send};

const PRIMARY: &str = "postgres-primary";
/// All standbys have what the primary has, or nearly so.
const STREAMING: &str = "SELECT count(*) FROM pg_stat_replication
                         WHERE state = 'streaming' AND sync_state = 'quorum'";
const TIMELINE: &str =
    "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint";

impl Nemesis {
    /// Hits when another server is the primary, no process of the old one lives, and the old one follows the new.
    pub(super) async fn fail_over(&self, loss: Loss) -> Result<String> {
        let control = self.processes.read()?;
        let old = control.name_of(PRIMARY).to_owned();
        let pid = self.processes.pid(PRIMARY)?;
        let mut before = family(pid);
        // Until somebody else leads, or it has been fenced.
        let mut frozen = None;
        let begun = Instant::now();
        match loss {
            Loss::Killed => {
                send(pid, Signal::KILL)?;
                fs::write(&control.failover, "its machine is gone").context("the request")?;
            }
            Loss::Frozen => {
                before = frozen.insert(self.processes.freeze(PRIMARY).await?).pids().to_vec();
            }
            Loss::Asked => {
                fs::write(&control.failover, "an administrator wants it").context("the request")?;
            }
        }
        let new = self.replaced_by(&old).await?;
        let took = begun.elapsed().as_secs_f32();
        let alive = before.iter().filter(|pid| is_alive(**pid)).count();
        ensure!(alive == 0, "{alive} processes of {old} live on beside the new primary");
        let timeline = self.all_follow().await?;
        let back = begun.elapsed().as_secs_f32();
        Ok(format!(
            "{new} for {old} after {took:.1} s, timeline {timeline}; {} processes fenced; back as a standby after {back:.1} s",
            before.len()
        ))
    }

    /// Waits until somebody else is the primary.
    async fn replaced_by(&self, old: &str) -> Result<String> {
        let deadline = Instant::now() + BACK;
        loop {
            let control = self.processes.read()?;
            let now = control.name_of(PRIMARY);
            if now != old && self.sql(TIMELINE).await.is_ok() {
                return Ok(now.to_owned());
            }
            ensure!(Instant::now() < deadline, "nobody took the place of {old}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until all standbys follow the primary; answers its timeline.
    async fn all_follow(&self) -> Result<i64> {
        let wanted = i64::try_from(STANDBYS.len()).unwrap_or(i64::MAX);
        let deadline = Instant::now() + BACK;
        while self.sql(STREAMING).await.ok() != Some(wanted) {
            ensure!(Instant::now() < deadline, "the standbys do not follow the new primary");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.sql(TIMELINE).await
    }
}
