//! The memory that all models in hand may take together.
//!
//! Who waits is served in order, so that nobody starves; a job that needs more than there is takes all of it and so
//! runs alone. A process that serves short and long lanes keeps a quarter for the short ones, so that these never
//! wait behind a monster.

use std::sync::Arc;

use opentelemetry::metrics::UpDownCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one permit.
const GRAIN: u64 = 1024 * 1024;
/// A mesh, its edges and its shells while they are measured, bytes for each facet; measured at 90.
const BYTES_PER_FACET: u64 = 120;

/// How much memory measuring a model takes at its peak, the file included, in bytes.
pub(super) const fn need(file_bytes: u64, facets: u64) -> u64 {
    file_bytes.saturating_add(facets.saturating_mul(BYTES_PER_FACET))
}

/// The budget of one process.
#[derive(Clone)]
pub(super) struct Memory {
    short: Part,
    long: Part,
    in_use: UpDownCounter<i64>,
}

#[derive(Clone)]
struct Part {
    permits: Arc<Semaphore>,
    size: u32,
}

/// Memory that is given back when this is dropped.
pub(super) struct Held {
    _permit: Option<OwnedSemaphorePermit>,
    bytes: i64,
    in_use: UpDownCounter<i64>,
}

impl Memory {
    /// A budget in MiB; `serves_both` when there are short and long jobs.
    pub fn new(mebibytes: u32, serves_both: bool) -> Self {
        let in_use = opentelemetry::global::meter("mes")
            .i64_up_down_counter("mes_pricing_memory_bytes")
            .with_description("Memory set aside for the models in hand")
            .build();
        let all = mebibytes.max(1);
        if !serves_both {
            let part = Part::new(all);
            return Self { short: part.clone(), long: part, in_use };
        }
        let short = all.div_ceil(4);
        Self { short: Part::new(short), long: Part::new((all - short).max(1)), in_use }
    }

    /// Waits for so many bytes, or for all there are.
    pub async fn take(&self, bytes: u64, is_short: bool) -> Held {
        let part = if is_short { &self.short } else { &self.long };
        let grains = u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).clamp(1, part.size);
        // The semaphore is never closed: were it, there would be no limit, and no deadlock either.
        let permit = part.permits.clone().acquire_many_owned(grains).await.ok();
        let bytes = i64::from(grains).saturating_mul(GRAIN.cast_signed());
        self.in_use.add(bytes, &[]);
        Held { _permit: permit, bytes, in_use: self.in_use.clone() }
    }
}

impl Part {
    fn new(size: u32) -> Self {
        Self { permits: Arc::new(Semaphore::new(size as usize)), size }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_use.add(-self.bytes, &[]);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const MIB: u64 = GRAIN;

    fn waits<T>(future: &mut std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
        matches!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
    }

    #[tokio::test]
    async fn jobs_run_together_while_they_fit() {
        let memory = Memory::new(100, false);
        let first = memory.take(60 * MIB, false).await;
        let _second = memory.take(40 * MIB, true).await;
        let mut third = pin!(memory.take(MIB, false));
        assert!(waits(&mut third));
        drop(first);
        assert!(!waits(&mut third));
    }

    #[tokio::test]
    async fn a_job_larger_than_the_budget_runs_alone_and_is_not_overtaken() {
        let memory = Memory::new(100, false);
        let running = memory.take(MIB, false).await;
        let mut giant = pin!(memory.take(1_000 * MIB, false));
        assert!(waits(&mut giant));
        let mut late = pin!(memory.take(MIB, false));
        assert!(waits(&mut late), "nobody overtakes the giant");
        drop(running);
        let giant = giant.await;
        assert!(waits(&mut late), "the giant is alone");
        drop(giant);
        assert!(!waits(&mut late));
    }

    #[tokio::test]
    async fn short_jobs_do_not_wait_for_a_giant() {
        let memory = Memory::new(100, true);
        let _giant = memory.take(1_000 * MIB, false).await;
        let _short = memory.take(25 * MIB, true).await;
    }

    #[test]
    fn a_model_of_five_million_facets_needs_the_file_and_its_mesh() {
        assert_eq!(need(250_000_084, 5_000_000), 850_000_084);
        assert_eq!(need(u64::MAX, u64::MAX), u64::MAX);
    }
}
