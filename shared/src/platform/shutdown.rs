//! Stopping: soft first, hard second.
//!
//! *Soft* means: take no new work, finish what is in hand. *Hard* means: drop it. A signal (SIGTERM or
//! SIGINT) asks for the soft stop; a second signal, or the end of the grace period, for the hard one.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long tasks that ignore the hard stop are waited for.
const AFTER_HARD_STOP: Duration = Duration::from_secs(2);

/// A handle on the stop of a process; clones belong together.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

/// How the tasks ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All in time.
    Softly,
    /// After the hard stop.
    Hard,
    /// Some did not end; they die with the process.
    NotAll,
}

impl Shutdown {
    /// A process that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when no new work may begin.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when work in hand must be dropped.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Asks for the soft stop.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Runs a task that [`Self::drain`] waits for. It must end by itself after the soft stop, and is
    /// dropped at the hard one.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(self.hard.clone().run_until_cancelled_owned(task))
    }

    /// As [`Self::spawn`], on a runtime of one's choice.
    pub fn spawn_on<F>(&self, task: F, runtime: &Handle) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn_on(self.hard.clone().run_until_cancelled_owned(task), runtime)
    }

    /// Listens for SIGTERM and SIGINT from now on: the first one stops softly, the second one hard.
    pub fn listen_to_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (soft, hard) = (self.soft.clone(), self.hard.clone());
        tokio::spawn(async move {
            for stop in [soft, hard] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                stop.cancel();
            }
        });
        Ok(())
    }

    /// Waits for the soft stop, then for every task: `grace` long softly, then a little while hard.
    pub async fn drain(&self, grace: Duration) -> Drained {
        self.soft.cancelled().await;
        self.tasks.close();
        let in_time = tokio::select! {
            () = self.tasks.wait() => true,
            () = self.hard.cancelled() => false,
            () = tokio::time::sleep(grace) => false,
        };
        if in_time {
            return Drained::Softly;
        }
        self.hard.cancel();
        match tokio::time::timeout(AFTER_HARD_STOP, self.tasks.wait()).await {
            Ok(()) => Drained::Hard,
            Err(_) => Drained::NotAll,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_in_hand_is_finished_before_the_process_ends() {
        let shutdown = Shutdown::new();
        let soft = shutdown.soft().clone();
        let task = shutdown.spawn(async move {
            soft.cancelled().await;
            tokio::task::yield_now().await;
            "finished"
        });
        shutdown.stop();
        assert_eq!(shutdown.drain(Duration::from_secs(5)).await, Drained::Softly);
        assert_eq!(task.await.unwrap(), Some("finished"));
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_dropped_after_the_grace_period() {
        let shutdown = Shutdown::new();
        let task = shutdown.spawn(std::future::pending::<()>());
        shutdown.stop();
        assert_eq!(shutdown.drain(Duration::from_millis(1)).await, Drained::Hard);
        assert_eq!(task.await.unwrap(), None);
    }
}
