//! What a campaign showed, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::checker::{Certainty, Channel, Said, Seen, Violation};
use super::outages::{PROMISED_MS, Told as Outages};

/// So many violations of a rule are told one by one.
const TOLD: usize = 10;

/// The result of a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Replays the plan.
    pub seed: u64,
    /// The planted bug, if any.
    pub planted: Option<String>,
    /// Seconds from the first order to the last check.
    pub seconds: u64,
    /// SHA-256 of the history.
    pub history: String,
    /// The plan, step by step, with what became of it.
    pub faults: Vec<FaultLine>,
    /// What was counted.
    pub figures: BTreeMap<&'static str, u64>,
    /// How long nobody was answered with success, for each failover.
    pub outages: Option<Outages>,
    /// Whether any fault hit; a campaign without proves nothing.
    pub valid: bool,
    /// How many violations of each rule.
    pub violations: BTreeMap<&'static str, usize>,
    /// Some of them, in words.
    pub examples: Vec<String>,
}

/// A step of the plan.
#[derive(Debug, Clone, Serialize)]
pub struct FaultLine {
    /// When it was over, milliseconds.
    pub at: u64,
    /// What.
    pub fault: String,
    /// Whether it hit.
    pub hit: bool,
    /// How it is known.
    pub evidence: String,
}

impl Report {
    /// Whether the campaign is valid and nothing is wrong.
    pub fn passed(&self) -> bool {
        self.valid
            && self.violations.is_empty()
            && self.outages.as_ref().is_none_or(Outages::is_kept)
    }

    /// Counts what was seen and said.
    pub fn figures(seen: &Seen, said: &Said, unknown: u64) -> BTreeMap<&'static str, u64> {
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let done = |channel| {
            let done = seen.asked.values().filter(move |asked| {
                asked.channel == channel && asked.certainty == Certainty::Done
            });
            number(done.count())
        };
        let receipts = |who: &str| number(seen.receipts.get(who).map_or(0, Vec::len));
        let distinct = |who: &str| {
            let receipts = seen.receipts.get(who).into_iter().flatten();
            let ids: std::collections::BTreeSet<&str> =
                receipts.map(|receipt| receipt.event.as_str()).collect();
            number(ids.len())
        };
        let approved = seen.approved.values().filter(|known| **known == Certainty::Done);
        let cancelled = seen.cancelled.values().filter(|known| **known == Certainty::Done);
        BTreeMap::from([
            ("orders asked for", number(seen.asked.len())),
            ("orders acknowledged over REST", done(Channel::Partner)),
            ("orders confirmed over AMQP", done(Channel::Shop)),
            ("attempts of unknown outcome", unknown),
            ("cancellations acknowledged", number(cancelled.count())),
            ("approvals confirmed", number(approved.count())),
            ("orders in the database", number(said.orders.len())),
            ("events in the log", number(said.events.len())),
            ("messages to the CRM", receipts("crm")),
            ("messages to the CRM, without repetitions", distinct("crm")),
            ("messages to the shop", receipts("shop")),
            ("messages to the shop, without repetitions", distinct("shop")),
            ("reads of own writes", number(seen.reads.len())),
            ("poison sent", number(seen.poison.len())),
            ("faults that hit", number(seen.hits)),
        ])
    }

    /// Violations by rule, and some of each in words.
    pub fn sorted(found: &[Violation]) -> (BTreeMap<&'static str, usize>, Vec<String>) {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut examples = Vec::new();
        for violation in found {
            let count = counts.entry(violation.rule).or_default();
            *count += 1;
            if *count <= TOLD {
                examples.push(violation.to_string());
            }
        }
        (counts, examples)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("seed {}, {} s", self.seed, self.seconds);
        if let Some(planted) = &self.planted {
            let _ = write!(text, ", with the planted bug `{planted}`");
        }
        let (hit, kills) = self.hits();
        let _ =
            write!(text, "\n{hit} of {} faults hit, {kills} of them SIGKILLs\n", self.faults.len());
        for (what, count) in &self.figures {
            let _ = writeln!(text, "{count:>9}  {what}");
        }
        if let Some(Outages { each, p50, p95, max }) = &self.outages {
            let count = each.len();
            let _ = writeln!(
                text,
                "{count} failovers; nobody was answered for p50 {p50} ms, p95 {p95} ms, at most {max} ms: {each:?}"
            );
            if *p95 > PROMISED_MS {
                let _ = writeln!(text, "TOO LONG: {PROMISED_MS} ms are promised at p95");
            }
        }
        let _ = writeln!(text, "history: SHA-256 {}", self.history);
        if !self.valid {
            text.push_str("INVALID: no fault hit, so this proves nothing\n");
        }
        if self.violations.is_empty() {
            text.push_str("no violation: nothing lost, nothing doubled, nothing reordered\n");
        }
        for (rule, count) in &self.violations {
            let _ = writeln!(text, "VIOLATED: {rule}, {count} times");
        }
        for example in &self.examples {
            let _ = writeln!(text, "  {example}");
        }
        text
    }

    fn hits(&self) -> (usize, usize) {
        let hits = self.faults.iter().filter(|fault| fault.hit);
        let kills = hits.clone().filter(|fault| fault.fault.starts_with("SIGKILL"));
        (hits.count(), kills.count())
    }
}
