//! What will be done to the system: a pure function of the seed, so that a campaign can be run again.

use std::fmt;
use std::time::Duration;

use crate::dice::Dice;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `SIGKILL`.
    Kill(String),
    /// `SIGSTOP`, with all its children, and `SIGCONT` afterwards.
    Freeze(String),
    /// The standby is frozen and whoever waits for it is cut off, as an administrator would do.
    FreezeStandbyAndCutWaiters,
    /// PostgreSQL's primary is stopped in good order and starts again.
    RestartPrimary,
    /// PostgreSQL's primary is lost, and one of its standbys takes its place.
    FailOver(Loss),
    /// All connections from a service to a server break, and new ones are refused.
    Cut { service: String, server: String },
    /// Whatever passes between them is late.
    Slow { service: String, server: String, by: Duration },
    /// Connections of clients to the write API are reset in the middle of requests.
    ResetClients,
    /// The broker finds its disk full and takes no more messages.
    BrokerAlarm,
    /// The CRM's queue is unbound by mistake, and bound again.
    Unbind,
    /// Every service is asked to stop and started again, one after another.
    RollingRestart,
}

/// How a primary is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// `SIGKILL`, and it may not start again, as if its machine were gone.
    Killed,
    /// `SIGSTOP`: it answers nobody, and would wake up one day and go on.
    Frozen,
    /// An administrator wants another one, while all is well.
    Asked,
}

impl Fault {
    /// Whether it ends a process without warning.
    pub const fn is_kill(&self) -> bool {
        matches!(self, Self::Kill(_) | Self::FailOver(Loss::Killed))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(name) => write!(f, "SIGKILL {name}"),
            Self::Freeze(name) => write!(f, "SIGSTOP {name}"),
            Self::FreezeStandbyAndCutWaiters => f.write_str("freeze the standby, cut its waiters"),
            Self::RestartPrimary => f.write_str("restart the primary"),
            Self::FailOver(Loss::Killed) => f.write_str("SIGKILL the primary, fail over"),
            Self::FailOver(Loss::Frozen) => f.write_str("SIGSTOP the primary, fail over"),
            Self::FailOver(Loss::Asked) => f.write_str("fail over as asked"),
            Self::Cut { service, server } => write!(f, "cut {service} from {server}"),
            Self::Slow { service, server, by } => {
                write!(f, "slow {service} to {server} by {} ms", by.as_millis())
            }
            Self::ResetClients => f.write_str("reset clients of the write API"),
            Self::BrokerAlarm => f.write_str("disk alarm of the broker"),
            Self::Unbind => f.write_str("unbind the CRM's queue"),
            Self::RollingRestart => f.write_str("rolling restart"),
        }
    }
}

/// A fault, how long it lasts, and the peace before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Before it.
    pub pause: Duration,
    /// What.
    pub fault: Fault,
    /// How long; nothing for what is over at once.
    pub hold: Duration,
}

/// The servers of a stack, and what may die.
pub const SERVERS: [&str; 4] = ["rabbitmq", "redis", "postgres-replica", "postgres-primary"];
/// All of them together are what a commit waits for one of.
pub const STANDBYS: [&str; 2] = ["postgres-replica", "postgres-replica-2"];
/// The servers that a service talks to while it works.
const fn servers_of(service: &str) -> &'static [&'static str] {
    match service.as_bytes() {
        b"read-api" => &["postgres-replica", "redis"],
        b"intake" | b"relay" | b"pricer" => &["postgres-primary", "rabbitmq"],
        b"projector" => &["postgres-primary", "redis"],
        _ => &["postgres-primary"],
    }
}

/// Between two faults.
const PAUSE_MS: (u32, u32) = (300, 1_500);
const BETWEEN_FAILOVERS_MS: (u32, u32) = (3_000, 6_000);

/// The faults of a campaign of about `length`: one after another, or at most so many with peace between them. Every kind
/// comes before any comes again; kills come most.
pub fn plan(seed: u64, services: &[String], length: Duration, at_most: Option<u32>) -> Vec<Step> {
    let mut dice = Dice::nth(seed, u64::from(u32::from_be_bytes(*b"plan")));
    let at_most = at_most.map_or(usize::MAX, |count| count as usize);
    let (mut steps, mut spent) = (Vec::new(), Duration::ZERO);
    while spent < length && steps.len() < at_most {
        for fault in deck(&mut dice, services) {
            let pause = between(&mut dice, PAUSE_MS);
            let hold = hold(&mut dice, &fault);
            spent += pause + hold + usual_cost(&fault);
            steps.push(Step { pause, fault, hold });
            if spent >= length || steps.len() == at_most {
                break;
            }
        }
    }
    let peace = length.saturating_sub(spent) / u32::try_from(steps.len()).unwrap_or(1).max(1);
    for step in &mut steps {
        step.pause += peace;
    }
    steps
}

/// Nothing but failovers, with some seconds of peace before each; each way of losing a primary as often as the others.
pub fn failovers(seed: u64, count: u32) -> Vec<Step> {
    let mut dice = Dice::nth(seed, u64::from(u32::from_be_bytes(*b"lead")));
    let ways = [Loss::Killed, Loss::Frozen, Loss::Asked];
    let mut losses: Vec<Loss> = (0..count).map(|n| ways[n as usize % ways.len()]).collect();
    shuffle(&mut dice, &mut losses);
    let step = |loss| Step {
        pause: between(&mut dice, BETWEEN_FAILOVERS_MS),
        fault: Fault::FailOver(loss),
        hold: Duration::ZERO,
    };
    losses.into_iter().map(step).collect()
}

/// A short plan for a planted bug: what brings it to light, and a kill in any case.
pub fn provoking(bug: &str) -> Vec<Step> {
    let kill = |name: &str| Fault::Kill(name.to_owned());
    let freeze = |name: &str| Fault::Freeze(name.to_owned());
    let faults = match bug {
        "acknowledge-before-commit" => vec![kill("write-api"), kill("write-api")],
        "acknowledge-before-applying" => vec![kill("intake"), kill("intake"), kill("intake")],
        "replay-without-write" | "unknown-is-refused" => {
            vec![Fault::FreezeStandbyAndCutWaiters, Fault::FreezeStandbyAndCutWaiters]
        }
        "no-rescue" => vec![kill("pricer"), kill("pricer"), kill("pricer")],
        "sent-before-confirm" | "trust-each-confirm" => vec![Fault::Unbind, Fault::Unbind],
        "cursor-before-publishing" => vec![kill("relay"), kill("relay"), kill("rabbitmq")],
        "no-order-per-order" => vec![freeze("relay"), kill("relay")],
        "checkpoint-before-rows" => vec![kill("projector"), kill("projector"), kill("projector")],
        "token-ignores-lag" => vec![freeze("projector"), freeze("postgres-replica")],
        _ => vec![kill("redis")],
    };
    let step = |fault: Fault| {
        let hold = if fault.is_kill() { Duration::ZERO } else { Duration::from_secs(4) };
        Step { pause: Duration::from_secs(4), fault, hold }
    };
    faults.into_iter().map(step).collect()
}

/// One of each, shuffled; every other card is a kill, while there are any.
fn deck(dice: &mut Dice, services: &[String]) -> Vec<Fault> {
    let servers = SERVERS.iter().map(|name| (*name).to_owned());
    let mut kills: Vec<Fault> = services.iter().cloned().chain(servers).map(Fault::Kill).collect();
    let mut others: Vec<Fault> = services.iter().cloned().map(Fault::Freeze).collect();
    others.extend(["rabbitmq", "redis", "postgres-replica"].map(|n| Fault::Freeze(n.to_owned())));
    others.extend([
        Fault::FreezeStandbyAndCutWaiters,
        Fault::RestartPrimary,
        Fault::FailOver(Loss::Frozen),
        Fault::ResetClients,
        Fault::BrokerAlarm,
        Fault::Unbind,
        Fault::RollingRestart,
    ]);
    for service in services {
        let servers = servers_of(service);
        let server = servers[pick(dice, servers.len())].to_owned();
        let service = service.clone();
        others.push(if dice.chance(0.5) {
            Fault::Cut { service, server }
        } else {
            Fault::Slow { service, server, by: between(dice, (20, 200)) }
        });
    }
    shuffle(dice, &mut kills);
    shuffle(dice, &mut others);
    let (mut kills, mut others) = (kills.into_iter(), others.into_iter());
    let mut deck = Vec::new();
    loop {
        let pair = (kills.next(), others.next());
        if pair == (None, None) {
            return deck;
        }
        deck.extend(pair.0);
        deck.extend(pair.1);
    }
}

fn hold(dice: &mut Dice, fault: &Fault) -> Duration {
    match fault {
        Fault::Kill(_) | Fault::RestartPrimary | Fault::FailOver(_) | Fault::RollingRestart => {
            Duration::ZERO
        }
        // Longer than a worker's lease, now and then.
        Fault::Freeze(_) => between(dice, (2_000, 8_000)),
        _ => between(dice, (1_500, 5_000)),
    }
}

/// About how long it takes besides what it holds.
fn usual_cost(fault: &Fault) -> Duration {
    Duration::from_secs(match fault {
        Fault::Kill(name) if name == "rabbitmq" => 10,
        Fault::FailOver(_) => 15,
        Fault::RollingRestart => 8,
        Fault::BrokerAlarm => 4,
        Fault::RestartPrimary => 3,
        _ => 1,
    })
}

fn between(dice: &mut Dice, (from, to): (u32, u32)) -> Duration {
    let millis = f64::from(from) + f64::from(to - from) * dice.fraction();
    Duration::from_secs_f64(millis / 1_000.0)
}

fn pick(dice: &mut Dice, of: usize) -> usize {
    let of = u64::try_from(of).unwrap_or(1).max(1);
    usize::try_from(dice.roll() % of).unwrap_or_default()
}

/// Fisher and Yates.
fn shuffle<T>(dice: &mut Dice, cards: &mut [T]) {
    for last in (1..cards.len()).rev() {
        cards.swap(last, pick(dice, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_mins(10);

    fn services() -> Vec<String> {
        ["write-api", "read-api", "intake", "relay", "projector", "pricer"]
            .map(str::to_owned)
            .into()
    }

    #[test]
    fn the_same_seed_makes_the_same_plan_and_another_one_another() {
        assert_eq!(plan(7, &services(), LENGTH, None), plan(7, &services(), LENGTH, None));
        assert_ne!(plan(7, &services(), LENGTH, None), plan(8, &services(), LENGTH, None));
    }

    #[test]
    fn a_long_plan_kills_everything_and_has_twenty_kills() {
        let plan = plan(1, &services(), LENGTH, None);
        let kills: Vec<&Fault> =
            plan.iter().map(|step| &step.fault).filter(|fault| fault.is_kill()).collect();
        assert!(kills.len() >= 20, "{} kills of {}", kills.len(), plan.len());
        for name in services().into_iter().chain(SERVERS.map(str::to_owned)) {
            assert!(kills.contains(&&Fault::Kill(name.clone())), "{name} is never killed");
        }
        for fault in [Fault::BrokerAlarm, Fault::Unbind, Fault::ResetClients, Fault::RollingRestart]
        {
            assert!(plan.iter().any(|step| step.fault == fault), "{fault}");
        }
    }

    #[test]
    fn few_faults_are_spread_over_the_whole_time() {
        let plan = plan(1, &services(), LENGTH, Some(10));
        assert_eq!(plan.len(), 10);
        let peace: Duration = plan.iter().map(|step| step.pause).sum();
        assert!(peace > LENGTH / 2 && peace < LENGTH, "{peace:?}");
    }

    #[test]
    fn a_plan_of_failovers_loses_the_primary_in_every_way() {
        let plan = failovers(1, 20);
        assert_eq!(plan.len(), 20);
        for loss in [Loss::Killed, Loss::Frozen, Loss::Asked] {
            let such = plan.iter().filter(|step| step.fault == Fault::FailOver(loss)).count();
            assert!((6..=7).contains(&such), "{loss:?}: {such}");
        }
        assert_eq!(plan, failovers(1, 20));
    }

    #[test]
    fn a_short_plan_is_short() {
        let plan = plan(1, &services(), Duration::from_mins(1), None);
        assert!((8..40).contains(&plan.len()), "{}", plan.len());
        assert!(plan.iter().filter(|step| step.fault.is_kill()).count() >= 4);
    }
}
