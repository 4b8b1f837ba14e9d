//! Waiting for a condition: tests never sleep for a while and hope.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Long enough for a loaded machine; a test that passes never waits this long.
pub const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What a probe may answer: `false` and `None` mean "not yet".
pub trait Answer {
    /// What is known once it happened.
    type Value;
    /// The value, once it happened.
    fn settled(self) -> Option<Self::Value>;
}

impl Answer for bool {
    type Value = ();

    fn settled(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Answer for Option<T> {
    type Value = T;

    fn settled(self) -> Self {
        self
    }
}

/// Asks `probe` until it answers `true` or `Some`, and returns that; panics with `what` when the deadline
/// passes.
pub async fn eventually<F, Fut>(
    what: &str,
    mut probe: F,
    deadline: Duration,
) -> <Fut::Output as Answer>::Value
where
    F: FnMut() -> Fut,
    Fut: Future<Output: Answer>,
{
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0_u32;
    loop {
        attempts += 1;
        match tokio::time::timeout_at(end, probe()).await {
            Ok(answer) => {
                if let Some(value) = answer.settled() {
                    return value;
                }
            }
            Err(elapsed) => panic!("{what}: attempt {attempts} hung, {elapsed} ({deadline:?})"),
        }
        assert!(Instant::now() < end, "{what}: not within {deadline:?} ({attempts} attempts)");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_is_returned_once_it_is_there() {
        let mut calls = 0;
        let value = eventually(
            "the third call answers",
            || {
                calls += 1;
                let answer = (calls == 3).then_some(calls);
                async move { answer }
            },
            PATIENCE,
        )
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "pigs fly: not within")]
    async fn what_never_happens_is_named() {
        eventually("pigs fly", || async { false }, Duration::from_millis(10)).await;
    }
}
