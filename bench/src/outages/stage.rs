//! The stack, and how it is broken and mended: what is killed stays away until it is let go, because whoever keeps the
//! processes running looks into a folder of names before starting one again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use rustix::process::Signal;
use shared::clock::{Clock, SystemClock};
use shared::ids::ModelId;
use shared::platform::shutdown::Shutdown;
use sqlx::{Connection, PgConnection};

use super::backlog::Observer;
use super::orders::Orders;
use super::samples::Samples;
use super::screens::Screens;
use crate::broker::Broker;
use crate::faults::processes::Processes;
use crate::faults::proxy::Links;
use crate::figures::Line;
use crate::models::{Choice, Damage, Models};
use crate::rest::{Api, Asking};
use crate::stack::Stack;
use crate::trouble::Trouble;

/// How long a server may take to come back.
const BACK: Duration = Duration::from_mins(2);
const CALL: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);
/// How long we wait for what is left to do after a load.
const QUIET: Duration = Duration::from_mins(3);
const IDLE_CONNECTIONS: usize = 512;

/// What a scenario showed.
#[derive(Debug)]
pub struct Findings {
    /// The figures, with their bounds.
    pub lines: Vec<Line>,
    /// The load, second by second.
    pub series: Vec<(&'static str, Samples)>,
}

/// A stack that may be broken.
#[derive(Debug)]
pub struct Stage {
    /// Its record.
    pub stack: Stack,
    /// What runs.
    pub processes: Processes,
    /// The links that can be slowed.
    pub links: Links,
    /// Where names of those who must stay away are put.
    pub away: PathBuf,
    /// For the load.
    pub http: Client,
}

impl Stage {
    /// The stage of a stack that is up; `folder` is shared with whoever keeps it running.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn new(stack: Stack, links: Links, folder: &Path) -> Result<Self> {
        let away = folder.join("away");
        fs::create_dir_all(&away)?;
        let processes = Processes::of(&folder.join("control.json"));
        let http = Client::builder().pool_max_idle_per_host(IDLE_CONNECTIONS).build()?;
        Ok(Self { stack, processes, links, away, http })
    }

    /// Kills a process, which stays away until [`Self::let_go`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self, name: &str) -> Result<()> {
        fs::write(self.away.join(name), "")?;
        self.processes.signal(name, Signal::KILL)?;
        Ok(())
    }

    /// It may be started again.
    ///
    /// # Errors
    /// When it was not kept away.
    pub fn let_go(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.away.join(name))?)
    }

    /// Waits until a database answers.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn database_is_back(&self, name: &str) -> Result<()> {
        let (url, deadline) = (self.stack.database(name)?, Instant::now() + BACK);
        let answers = async || -> Result<()> {
            let mut connection = PgConnection::connect(url).await?;
            sqlx::query("SELECT 1").execute(&mut connection).await?;
            Ok(connection.close().await?)
        };
        while !matches!(tokio::time::timeout(CALL, answers()).await, Ok(Ok(()))) {
            ensure!(Instant::now() < deadline, "{name} did not come back");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until the broker lets somebody in.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn broker_is_back(&self, broker: &Broker) -> Result<()> {
        let deadline = Instant::now() + BACK;
        while broker.channel("look").await.is_err() {
            ensure!(Instant::now() < deadline, "the broker did not come back");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// A broker whose trouble is counted and told now and then.
    ///
    /// # Errors
    /// When its URL is none.
    pub fn broker(&self) -> Result<Broker> {
        Broker::new(&self.stack.rabbitmq.url, &Trouble::new(false).into())
    }

    /// Partners, after one of them has uploaded a model.
    ///
    /// # Errors
    /// When the model is not taken.
    pub async fn partners(&self, name: &str) -> Result<Orders> {
        let model = self.upload().await.context("uploading the model of the orders")?;
        let name = format!("{name}-{:x}", SystemClock.now().timestamp());
        Orders::new(&self.stack, &self.http, model, &name)
    }

    /// Somebody who looks at screens.
    ///
    /// # Errors
    /// When the stack lacks an administrator.
    pub fn screens(&self) -> Result<Screens> {
        Screens::new(&self.stack, &self.http)
    }

    /// Whoever looks into the primary.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn observer(&self) -> Result<Observer> {
        Observer::connect(self.stack.primary()?).await
    }

    /// Waits a while for every follower of the log to have everything and for no pricing job to be open; tells how long
    /// that took, and how many jobs are open still.
    ///
    /// # Errors
    /// When the primary does not answer.
    pub async fn quiet(&self) -> Result<(Duration, u64)> {
        let (mut observer, began) = (self.observer().await?, Instant::now());
        loop {
            let open = observer.open_jobs().await?;
            let is_quiet = open == 0 && observer.look().await?.is_empty();
            if is_quiet || began.elapsed() > QUIET {
                return Ok((began.elapsed(), open));
            }
            tokio::time::sleep(LOOK * 5).await;
        }
    }

    async fn upload(&self) -> Result<ModelId> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing/models");
        let file = Models::load(&folder)?.file(Choice { model: 0, size: 0, damage: Damage::None });
        let trouble = Trouble::new(true).into();
        let api = Api::new(&self.http, &self.stack.write_api, self.stack.key_of("shop")?, &trouble);
        let asking = Asking { key: Some("the-model-of-an-outage"), ..Asking::default() };
        Ok(api.upload(file, asking).await?.model_id)
    }
}

/// Waits, or until somebody wants everything to stop.
///
/// # Errors
/// When that is so.
pub async fn pause(time: Duration, shutdown: &Shutdown) -> Result<()> {
    let waited = shutdown.soft().run_until_cancelled(tokio::time::sleep(time)).await;
    waited.context("stopping")
}
