//! The threads that geometry runs on: never those that serve I/O.
//!
//! Three pools of the same size. Those of the long jobs and of the reports are *nice*: they use every core that is idle
//! and leave it as soon as a short job, or the runtime, wants it. So a monster costs short jobs next to nothing, and
//! an idle machine gives it all it has. A report also waits for a moment in which nothing is priced, for a while.

use std::sync::Arc;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::watch;

/// So long a report waits for a quiet moment at most: it keeps its model in memory meanwhile.
const QUIET_WITHIN: Duration = Duration::from_secs(10);

/// How much work matters when several kinds want a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Somebody waits at the screen.
    Short,
    /// Somebody waits, and knows that it takes a while: a tenth of the time.
    Long,
    /// Nobody waits: a sixtieth.
    Report,
}

/// The pools of one process.
#[derive(Clone)]
pub(super) struct Engine {
    short: Arc<ThreadPool>,
    long: Arc<ThreadPool>,
    reports: Arc<ThreadPool>,
    /// How many calculations somebody waits for are running.
    awaited: watch::Sender<usize>,
}

/// A calculation that somebody waits for, until it has ended.
struct Awaited(watch::Sender<usize>);

impl Awaited {
    fn begin(awaited: &watch::Sender<usize>) -> Self {
        awaited.send_modify(|running| *running += 1);
        Self(awaited.clone())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

/// The calculation panicked: a fault of the engine, or of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

impl Engine {
    /// Pools of so many threads each; 0 is one a core.
    pub fn start(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = |name: &'static str, urgency: Urgency| {
            let pool = ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(move |index| format!("{name}-{index}"))
                .start_handler(move |_| urgency.be_nice());
            pool.build().map(Arc::new)
        };
        Ok(Self {
            short: pool("price-short", Urgency::Short)?,
            long: pool("price-long", Urgency::Long)?,
            reports: pool("price-report", Urgency::Report)?,
            awaited: watch::Sender::new(0),
        })
    }

    /// Runs a calculation and waits for it. Who stops waiting does not stop it: it must look for itself whether it is
    /// still wanted.
    pub async fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        calculation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let pool = match urgency {
            Urgency::Short => &self.short,
            Urgency::Long => &self.long,
            Urgency::Report => &self.reports,
        };
        let awaited = match urgency {
            Urgency::Short | Urgency::Long => Some(Awaited::begin(&self.awaited)),
            Urgency::Report => {
                self.quiet(QUIET_WITHIN).await;
                None
            }
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        pool.spawn(move || {
            let _awaited = awaited;
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(calculation));
            // Nobody listens any more when the lease was lost.
            let _unheard = tell.send(result.map_err(|_| Panicked));
        });
        told.await.unwrap_or(Err(Panicked))
    }

    /// Waits until nothing runs that somebody waits for, or for long enough.
    async fn quiet(&self, within: Duration) {
        let mut running = self.awaited.subscribe();
        let _quiet_or_late =
            tokio::time::timeout(within, running.wait_for(|running| *running == 0)).await;
    }
}

impl Urgency {
    /// What `nice(1)` calls it.
    const fn niceness(self) -> i32 {
        match self {
            Self::Short => 0,
            Self::Long => 10,
            Self::Report => 19,
        }
    }

    fn be_nice(self) {
        if self.niceness() > 0 {
            // Where it is not allowed, they are just less polite.
            let _unchanged = rustix::process::nice(self.niceness());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_calculation_has_the_threads_of_its_pool() {
        let engine = Engine::start(3).unwrap();
        for urgency in [Urgency::Short, Urgency::Long, Urgency::Report] {
            assert_eq!(engine.run(urgency, rayon::current_num_threads).await, Ok(3));
        }
    }

    #[tokio::test]
    async fn a_panic_is_told_and_the_pool_lives_on() {
        let engine = Engine::start(1).unwrap();
        let boom = || -> u32 { panic!("on purpose") };
        assert_eq!(engine.run(Urgency::Short, boom).await, Err(Panicked));
        assert_eq!(engine.run(Urgency::Short, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn a_report_waits_for_a_quiet_moment_but_not_for_ever() {
        let engine = Engine::start(1).unwrap();
        let priced = Awaited::begin(&engine.awaited);
        engine.quiet(Duration::ZERO).await;
        let mut report = std::pin::pin!(engine.run(Urgency::Report, || 1));
        assert!(futures_util::poll!(&mut report).is_pending(), "something is priced");
        drop(priced);
        assert_eq!(report.await, Ok(1));
    }

    #[tokio::test]
    async fn what_is_less_urgent_yields() {
        let engine = Engine::start(1).unwrap();
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let short = engine.run(Urgency::Short, niceness).await.unwrap();
        for urgency in [Urgency::Long, Urgency::Report] {
            let theirs = engine.run(urgency, niceness).await.unwrap();
            assert_eq!(theirs, (short + urgency.niceness()).min(19));
        }
    }
}
