//! The threads that geometry runs on: never those that serve I/O.
//!
//! Two pools of the same size. That of the long jobs is *nice*: it uses every core that is idle and leaves it as soon
//! as a short job, or the runtime, wants it. So a monster costs short jobs next to nothing, and an idle machine
//! gives it all it has.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// How much less important long jobs are: a tenth of the time when both want a core.
const NICENESS: i32 = 10;

/// The pools of one process.
#[derive(Clone)]
pub(super) struct Engine {
    short: Arc<ThreadPool>,
    long: Arc<ThreadPool>,
}

/// The calculation panicked: a fault of the engine, or of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

impl Engine {
    /// Pools of so many threads each; 0 is one a core.
    pub fn start(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = |name: &'static str| {
            ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(move |index| format!("{name}-{index}"))
        };
        let long = pool("price-long").start_handler(|_| {
            // Where it is not allowed, long jobs are just less polite.
            let _unchanged = rustix::process::nice(NICENESS);
        });
        Ok(Self { short: Arc::new(pool("price-short").build()?), long: Arc::new(long.build()?) })
    }

    /// Runs a calculation and waits for it. Who stops waiting does not stop it: it must look for itself whether it is
    /// still wanted.
    pub async fn run<T: Send + 'static>(
        &self,
        is_short: bool,
        calculation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let pool = if is_short { &self.short } else { &self.long };
        let (tell, told) = tokio::sync::oneshot::channel();
        pool.spawn(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(calculation));
            // Nobody listens any more when the lease was lost.
            let _unheard = tell.send(result.map_err(|_| Panicked));
        });
        told.await.unwrap_or(Err(Panicked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_calculation_has_the_threads_of_its_pool() {
        let engine = Engine::start(3).unwrap();
        for is_short in [true, false] {
            assert_eq!(engine.run(is_short, rayon::current_num_threads).await, Ok(3));
        }
    }

    #[tokio::test]
    async fn a_panic_is_told_and_the_pool_lives_on() {
        let engine = Engine::start(1).unwrap();
        let boom = || -> u32 { panic!("on purpose") };
        assert_eq!(engine.run(true, boom).await, Err(Panicked));
        assert_eq!(engine.run(true, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn long_jobs_yield_to_short_ones() {
        let engine = Engine::start(1).unwrap();
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let short = engine.run(true, niceness).await.unwrap();
        assert_eq!(engine.run(false, niceness).await.unwrap(), (short + NICENESS).min(19));
    }
}
