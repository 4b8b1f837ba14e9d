//! A task that panics must not vanish: what it was for would stop without a word.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// The work's outcome, or `None` when it panicked: begin it anew, with everything it held thrown away.
pub async fn survive<W: Future>(what: &'static str, work: W) -> Option<W::Output> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    if outcome.is_err() {
        tracing::error!(task = what, "a task panicked: it begins anew");
    }
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_work_and_not_the_task() {
        assert_eq!(survive("test", async { 1 }).await, Some(1));
        assert_eq!(survive("test", async { panic!("on purpose") }).await, None::<()>);
    }
}
