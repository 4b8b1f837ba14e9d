//! What to do about an incident next. No I/O.

use chrono::{DateTime, TimeDelta, Utc};
use shared::incident::{Incident, IncidentStatus};

/// How often the system tries before a person must.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts to heal one incident.
    pub max_attempts: u32,
    /// The time that an attempt gets to show.
    pub pause: TimeDelta,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try to heal it.
    Heal,
    /// The last attempt may still show.
    Wait,
    /// Somebody must act, because of this.
    Escalate(&'static str),
    /// Somebody has it in hand.
    Leave,
}

impl Policy {
    /// The next step for an incident that was just found to be so.
    pub fn next(self, incident: &Incident, has_remedy: bool, now: DateTime<Utc>) -> Next {
        let is_ours = matches!(incident.status, IncidentStatus::Open | IncidentStatus::Healing);
        let waits = incident.tried_at.is_some_and(|at| now < at + self.pause);
        let used_up = i64::from(incident.tries) >= i64::from(self.max_attempts);
        match (is_ours, has_remedy, waits, used_up) {
            (false, ..) => Next::Leave,
            (_, false, ..) => Next::Escalate("the system has no remedy"),
            (_, _, true, _) => Next::Wait,
            (_, _, _, true) => Next::Escalate("its remedies did not help"),
            _ => Next::Heal,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::order::samples::moment;

    use super::*;

    fn next(status: IncidentStatus, tries: i32, tried_seconds_ago: i64, has_remedy: bool) -> Next {
        let incident = Incident {
            incident_id: uuid::Uuid::nil(),
            subject_kind: "order".to_owned(),
            subject: "1".to_owned(),
            order_id: None,
            cause: "job-missing".to_owned(),
            status,
            owner: "on-call".to_owned(),
            evidence: serde_json::Value::Null,
            attempts: serde_json::json!([]),
            tries,
            opened_at: moment(),
            last_seen_at: moment(),
            tried_at: (tries > 0).then(|| moment() - TimeDelta::seconds(tried_seconds_ago)),
            deadline: moment(),
            closed_at: None,
        };
        let policy = Policy { max_attempts: 3, pause: TimeDelta::seconds(30) };
        policy.next(&incident, has_remedy, moment())
    }

    #[test]
    fn a_remedy_is_tried_at_once_and_again_after_a_pause_and_then_a_person_must_act() {
        assert_eq!(next(IncidentStatus::Open, 0, 0, true), Next::Heal);
        assert_eq!(next(IncidentStatus::Healing, 1, 29, true), Next::Wait);
        assert_eq!(next(IncidentStatus::Healing, 2, 30, true), Next::Heal);
        assert_eq!(next(IncidentStatus::Healing, 3, 29, true), Next::Wait);
        let escalated = next(IncidentStatus::Healing, 3, 30, true);
        assert!(matches!(escalated, Next::Escalate(_)), "{escalated:?}");
    }

    #[test]
    fn without_a_remedy_a_person_must_act_at_once() {
        assert!(matches!(next(IncidentStatus::Open, 0, 0, false), Next::Escalate(_)));
    }

    #[test]
    fn what_somebody_has_in_hand_is_left_to_them() {
        for status in [IncidentStatus::Escalated, IncidentStatus::Acknowledged] {
            assert_eq!(next(status, 1, 9000, true), Next::Leave);
            assert_eq!(next(status, 0, 0, false), Next::Leave);
        }
    }
}
