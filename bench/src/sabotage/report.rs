//! What a campaign of sabotages showed, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::incidents::Incident;
use super::plan::Kind;

/// Half of all sabotages must be found within this, in seconds.
pub const MEDIAN: f64 = 15.0;
/// And all of them within this.
pub const MAXIMUM: f64 = 60.0;
/// What a sabotage does to others may show for so long after it was healed, in seconds.
const AFTERMATH: i64 = 30;

/// A sabotage and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its place in the plan.
    pub number: usize,
    /// What was done.
    pub kind: Kind,
    /// To what.
    pub subject: String,
    /// When the preparations began, of which somebody may notice something.
    pub began: DateTime<Utc>,
    /// When it was done; nothing if it could not be.
    pub at: Option<DateTime<Utc>>,
    /// Seconds until the right incident was open; nothing if there was none.
    pub found: Option<f64>,
    /// Seconds from then until the incident was closed.
    pub healed: Option<f64>,
    /// Whether its owner was called, where only the owner can help.
    pub escalated: bool,
    /// What else is to be said.
    pub note: String,
}

/// A time without sabotage.
#[derive(Debug, Clone, Serialize)]
pub struct Healthy {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when.
    pub to: DateTime<Utc>,
    /// The watchdog's times were divided by this.
    pub compressed: u32,
    /// Looks of the watchdog.
    pub rounds: i64,
}

/// The result of a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Replays the plan.
    pub seed: u64,
    /// Seconds from the first order to the last check.
    pub seconds: u64,
    /// Orders that were asked for.
    pub orders: usize,
    /// SHA-256 of the history.
    pub history: String,
    /// Each sabotage.
    pub outcomes: Vec<Outcome>,
    /// Times without sabotage.
    pub healthy: Vec<Healthy>,
    /// Incidents that nothing had caused.
    pub false_alarms: Vec<Incident>,
    /// What the checker of the faults found in the end, by rule.
    pub violations: BTreeMap<&'static str, usize>,
    /// Some of it, in words.
    pub examples: Vec<String>,
    /// News that came after later ones, because they had been lost and were sent again.
    pub late_news: usize,
}

impl Outcome {
    fn is_done(&self) -> bool {
        self.at.is_some()
    }

    /// Until when it can have caused incidents.
    fn over(&self) -> DateTime<Utc> {
        let seconds = self.found.unwrap_or(0.0) + self.healed.unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
        let length = chrono::TimeDelta::seconds(seconds.ceil() as i64 + AFTERMATH);
        self.at.unwrap_or(self.began) + length
    }

    fn explains(&self, incident: &Incident) -> bool {
        let is_its_own = incident.cause == self.kind.cause() && incident.subject == self.subject;
        let is_known = is_its_own || self.kind.also().contains(&incident.cause.as_str());
        is_known && incident.opened_at >= self.began && incident.opened_at <= self.over()
    }
}

/// Incidents that no sabotage explains.
pub fn false_alarms(outcomes: &[Outcome], incidents: Vec<Incident>) -> Vec<Incident> {
    let explained = |incident: &Incident| outcomes.iter().any(|done| done.explains(incident));
    incidents.into_iter().filter(|incident| !explained(incident)).collect()
}

/// The middle of all; nothing of nothing.
fn median(times: &[f64]) -> Option<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len().checked_sub(1)? / 2).copied()
}

fn longest(times: &[f64]) -> Option<f64> {
    times.iter().copied().max_by(f64::total_cmp)
}

fn told(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1}"))
}

impl Report {
    /// Whether everything is as it must be.
    pub fn passed(&self) -> bool {
        self.misses().is_empty()
    }

    /// What is not as it must be.
    fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        let mut miss = |count: usize, what: &str| {
            if count > 0 {
                misses.push(format!("{count} {what}"));
            }
        };
        let done = || self.outcomes.iter().filter(|outcome| outcome.is_done());
        miss(self.outcomes.len() - done().count(), "sabotages could not be done");
        miss(done().filter(|outcome| outcome.found.is_none()).count(), "were not found");
        miss(done().filter(|outcome| outcome.healed.is_none()).count(), "were not healed");
        miss(self.false_alarms.len(), "false alarms");
        miss(self.violations.values().sum(), "violations in the end");
        let found: Vec<f64> = done().filter_map(|outcome| outcome.found).collect();
        miss(usize::from(median(&found).is_none_or(|time| time > MEDIAN)), "median too late");
        miss(found.iter().filter(|time| **time > MAXIMUM).count(), "found too late");
        misses
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let done: Vec<&Outcome> = self.outcomes.iter().filter(|each| each.is_done()).collect();
        let _ = writeln!(
            text,
            "seed {}, {} s: {} sabotages, {} orders\n",
            self.seed,
            self.seconds,
            done.len(),
            self.orders
        );
        let _ = writeln!(
            text,
            "{:<28} {:<18} {:>5} {:>6} {:>8} {:>8} {:>7} {:>9}",
            "sabotage", "incident", "done", "found", "median s", "max s", "healed", "median s"
        );
        for (kind, _) in Kind::SHARES {
            let of_kind: Vec<&Outcome> =
                done.iter().copied().filter(|outcome| outcome.kind == kind).collect();
            line(&mut text, kind.name(), kind.cause(), &of_kind);
        }
        line(&mut text, "all", "", &done);
        for healthy in &self.healthy {
            let seconds = (healthy.to - healthy.from).num_seconds();
            let _ = writeln!(
                text,
                "healthy for {seconds} s with times divided by {} (none below 3 s): as {} minutes; {} looks",
                healthy.compressed,
                seconds * i64::from(healthy.compressed) / 60,
                healthy.rounds
            );
        }
        let _ = writeln!(text, "{} false alarms", self.false_alarms.len());
        for alarm in self.false_alarms.iter().take(10) {
            let _ = writeln!(text, "  {} {} at {}", alarm.cause, alarm.subject, alarm.opened_at);
        }
        let _ = writeln!(text, "{} news came after later ones, sent again", self.late_news);
        for (rule, count) in &self.violations {
            let _ = writeln!(text, "VIOLATED in the end: {rule}, {count} times");
        }
        for example in &self.examples {
            let _ = writeln!(text, "  {example}");
        }
        if self.violations.is_empty() {
            text.push_str("in the end nothing was lost or doubled\n");
        }
        for outcome in self.outcomes.iter().filter(|outcome| !outcome.note.is_empty()).take(10) {
            let (number, kind) = (outcome.number, outcome.kind);
            let _ = writeln!(text, "{number} {kind} {}: {}", outcome.subject, outcome.note);
        }
        let _ = writeln!(text, "history: SHA-256 {}", self.history);
        for miss in self.misses() {
            let _ = writeln!(text, "MISSED: {miss}");
        }
        text
    }
}

fn line(text: &mut String, name: &str, cause: &str, outcomes: &[&Outcome]) {
    let found: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.found).collect();
    let healed: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.healed).collect();
    let _ = writeln!(
        text,
        "{name:<28} {cause:<18} {:>5} {:>6} {:>8} {:>8} {:>7} {:>9}",
        outcomes.len(),
        found.len(),
        told(median(&found)),
        told(longest(&found)),
        healed.len(),
        told(median(&healed)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn outcome(kind: Kind, subject: &str, found: f64) -> Outcome {
        Outcome {
            number: 0,
            kind,
            subject: subject.to_owned(),
            began: moment(100),
            at: Some(moment(100)),
            found: Some(found),
            healed: Some(2.0),
            escalated: false,
            note: String::new(),
        }
    }

    fn incident(cause: &str, subject: &str, opened: i64) -> Incident {
        Incident {
            cause: cause.to_owned(),
            subject_kind: "order".to_owned(),
            subject: subject.to_owned(),
            status: "healed".to_owned(),
            opened_at: moment(opened),
            closed_at: None,
        }
    }

    fn report(outcomes: Vec<Outcome>, false_alarms: Vec<Incident>) -> Report {
        Report {
            seed: 1,
            seconds: 1,
            orders: 1,
            history: String::new(),
            outcomes,
            healthy: Vec::new(),
            false_alarms,
            violations: BTreeMap::new(),
            examples: Vec::new(),
            late_news: 0,
        }
    }

    #[test]
    fn what_a_sabotage_does_is_no_false_alarm_and_anything_else_is() {
        let done = [outcome(Kind::DeleteReadRow, "A", 3.0), outcome(Kind::UnbindQueue, "crm", 1.0)];
        let own = incident("read-row-missing", "A", 103);
        let parked = incident("delivery-parked", "crm:B", 112);
        let anothers = incident("read-row-missing", "B", 103);
        let before = incident("read-row-missing", "A", 99);
        let much_later = incident("delivery-parked", "crm:B", 300);
        let all = vec![own, parked, anothers.clone(), before.clone(), much_later.clone()];
        assert_eq!(false_alarms(&done, all), [anothers, before, much_later]);
    }

    #[test]
    fn one_that_was_missed_or_late_or_imagined_fails_the_campaign() {
        let good = || outcome(Kind::DeleteReadRow, "A", 3.0);
        assert!(report(vec![good()], Vec::new()).passed());
        let missed = Outcome { found: None, ..good() };
        let unhealed = Outcome { healed: None, ..good() };
        let undone = Outcome { at: None, found: None, healed: None, ..good() };
        let late = Outcome { found: Some(61.0), ..good() };
        for bad in [missed, unhealed, undone, late] {
            assert!(!report(vec![good(), good(), bad], Vec::new()).passed());
        }
        let slow = || Outcome { found: Some(16.0), ..good() };
        assert!(!report(vec![good(), slow(), slow()], Vec::new()).passed());
        assert!(!report(vec![good()], vec![incident("overdue", "A", 1)]).passed());
    }
}
