//! What a round of the watchdog did.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Open orders in each bucket.
    pub buckets: BTreeMap<&'static str, u64>,
    /// Open orders in no bucket.
    pub unaccounted: u64,
    /// Incidents that are open now, by cause.
    pub open: BTreeMap<&'static str, u64>,
    /// Remedies that were applied.
    pub tried: u64,
    /// Incidents that were escalated.
    pub escalated: u64,
    /// Incidents whose cause was gone.
    pub healed: u64,
    /// Watches that were cut off at their limit: there is more.
    pub cut_off: Vec<&'static str>,
    /// Watches that failed.
    pub failed: Vec<&'static str>,
    /// Events whose window was compared with the timelines.
    pub compared: u64,
    /// Events of the last minute that was counted in this round, by station.
    pub stations: BTreeMap<&'static str, u64>,
    /// Minutes of the last hour in which a station does not have what it must have.
    pub differing: BTreeMap<&'static str, u64>,
}
