//! Requests that come when they come: at a rate, whatever became of those before. A slow system does not slow its
//! customers down, and the time that a request had to wait for its sender counts as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::samples::{Failure, Outcome, Sample, Samples};

/// More under way at once are not sent: this process must not become the bottleneck that it measures.
const MOST_UNDER_WAY: usize = 4_000;

/// Requests that keep coming until they are stopped.
#[derive(Debug)]
pub struct Arrivals {
    began: Instant,
    samples: Samples,
    stop: CancellationToken,
    sender: JoinHandle<()>,
    requests: TaskTracker,
}

impl Arrivals {
    /// So many a second from now on; `ask` makes one.
    pub fn start<Ask, Asking>(per_second: f64, ask: Ask) -> Self
    where
        Ask: Fn() -> Asking + Send + 'static,
        Asking: Future<Output = Outcome> + Send + 'static,
    {
        let (began, samples) = (Instant::now(), Samples::default());
        let (stop, requests) = (CancellationToken::new(), TaskTracker::new());
        let sending = send(began, per_second, samples.clone(), requests.clone(), ask);
        let until = stop.clone();
        let sender = tokio::spawn(async move {
            until.run_until_cancelled(sending).await;
        });
        Self { began, samples, stop, sender, requests }
    }

    /// Since when they come.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// What became of them so far.
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// No more come; waits until each has its answer.
    pub async fn stop(self) -> Samples {
        self.stop.cancel();
        // It only ends early when it panicked, which its own task has told.
        let _ = self.sender.await;
        self.requests.close();
        self.requests.wait().await;
        self.samples
    }
}

async fn send<Ask, Asking>(
    began: Instant,
    per_second: f64,
    samples: Samples,
    requests: TaskTracker,
    ask: Ask,
) where
    Ask: Fn() -> Asking,
    Asking: Future<Output = Outcome> + Send + 'static,
{
    let under_way = Arc::new(AtomicUsize::new(0));
    let gap = Duration::from_secs_f64(1.0 / per_second);
    let mut due = began;
    loop {
        sleep_until(due).await;
        let (samples, count) = (samples.clone(), Arc::clone(&under_way));
        let note = move |outcome| {
            let due_after = due.duration_since(began);
            samples.note(Sample { due: due_after, took: due.elapsed(), outcome });
        };
        if under_way.fetch_add(1, Ordering::Relaxed) < MOST_UNDER_WAY {
            let asking = ask();
            requests.spawn(async move {
                note(asking.await);
                count.fetch_sub(1, Ordering::Relaxed);
            });
        } else {
            under_way.fetch_sub(1, Ordering::Relaxed);
            note(Outcome::Failed(Failure::NotSent));
        }
        due += gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outages::samples::Source;

    #[tokio::test(start_paused = true)]
    async fn slow_answers_do_not_slow_those_who_come() {
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Outcome::Answered(Source::Primary)
        };
        let arrivals = Arrivals::start(10.0, slow);
        tokio::time::sleep(Duration::from_millis(1_950)).await;
        let samples = arrivals.stop().await;
        let all = samples.within(Duration::ZERO..Duration::from_secs(2));
        assert_eq!((all.requests, all.successes()), (20, 20));
        assert!(all.latency(50.0) >= Duration::from_secs(3));
    }
}
