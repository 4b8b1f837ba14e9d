//! How the watchdog looks.

use serde::{Deserialize, Serialize};

/// How the watchdog looks. Times are how long something may be so before it is an incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchdogConfig {
    /// The pause between two looks.
    pub poll_ms: u64,
    /// What one look of one watch finds at most; more is found by the next ones.
    pub limit: u32,
    /// Attempts to heal an incident before it is escalated.
    pub max_attempts: u32,
    /// The time that an attempt gets to show.
    pub retry_seconds: u32,
    /// An event that a follower of the log has not dealt with.
    pub behind_seconds: u32,
    /// A delivery that its recipient's queue does not take.
    pub parked_seconds: u32,
    /// A message that waits for what must come before it.
    pub waiting_seconds: u32,
    /// A job that is due while nobody takes it.
    pub lane_seconds: u32,
    /// A job whose lease ran out while nobody puts it back.
    pub lease_seconds: u32,
    /// A partner's order that was sent to the CRM and not acknowledged.
    pub acknowledge_seconds: u32,
    /// A number that a producer has passed over.
    pub sequence_seconds: u32,
    /// Events older than this must be on their orders' timelines.
    pub window_seconds: u32,
    /// How often the analysis of a file may be begun; as for the pricer.
    pub job_attempts: u32,
}

impl Default for WatchdogConfig {
    fn default() -> Self {
        Self {
            poll_ms: 3_000,
            limit: 1_000,
            max_attempts: 3,
            retry_seconds: 30,
            behind_seconds: 10,
            parked_seconds: 10,
            waiting_seconds: 300,
            lane_seconds: 600,
            lease_seconds: 10,
            acknowledge_seconds: 10,
            sequence_seconds: 20,
            window_seconds: 10,
            job_attempts: 3,
        }
    }
}
