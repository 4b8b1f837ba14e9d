//! A block of free ports on 127.0.0.1 for one stack.
//!
//! Blocks lie below the range from which the kernel gives ports to clients, so that no outgoing
//! connection sits on one of ours. A lock file per block keeps two stacks that start at the same
//! moment apart; it is held as long as the program runs and the kernel lets go of it whatever
//! happens.

use std::fs::{self, File};
use std::net::TcpListener;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

const FIRST_BLOCK: u16 = 21_000;
const LAST_BLOCK: u16 = 30_000;
const BLOCK_SIZE: u16 = 30;

/// Who listens where. The order is the order inside the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub primary: u16,
    pub replica: u16,
    pub redis: u16,
    pub amqp: u16,
    pub management: u16,
    pub broker_metrics: u16,
    pub distribution: u16,
    pub port_mapper: u16,
    pub write_api: u16,
    pub read_api: u16,
    pub intake: u16,
    pub relay: u16,
    pub projector: u16,
    /// The first pricer's; further ones follow.
    pub pricer: u16,
    pub watchdog: u16,
    pub heartbeat: u16,
    pub webhooks: u16,
    /// The second replica's; tests have one.
    pub second_replica: u16,
}

impl Ports {
    fn in_block(base: u16) -> Self {
        Self {
            primary: base,
            replica: base + 1,
            redis: base + 2,
            amqp: base + 3,
            management: base + 4,
            broker_metrics: base + 5,
            distribution: base + 6,
            port_mapper: base + 7,
            write_api: base + 8,
            read_api: base + 9,
            intake: base + 10,
            relay: base + 11,
            projector: base + 12,
            pricer: base + 13,
            watchdog: base + 20,
            heartbeat: base + 21,
            webhooks: base + 19,
            second_replica: base + 22,
        }
    }
}

/// A block of ports that no other stack takes while this value lives.
#[derive(Debug)]
pub struct Reservation {
    pub ports: Ports,
    _lock: File,
}

/// Takes the first free block; `preferred` (the ports of an earlier run) is tried first.
pub fn reserve(preferred: Option<Ports>) -> Result<Reservation> {
    let first = preferred.map(|ports| ports.primary);
    let all = (FIRST_BLOCK..LAST_BLOCK).step_by(usize::from(BLOCK_SIZE));
    for base in first.into_iter().chain(all) {
        let Some(lock) = lock_block(base)? else { continue };
        if block_is_free(base) {
            return Ok(Reservation { ports: Ports::in_block(base), _lock: lock });
        }
    }
    bail!("no free block of {BLOCK_SIZE} ports between {FIRST_BLOCK} and {LAST_BLOCK}")
}

fn lock_block(base: u16) -> Result<Option<File>> {
    let user = nix::unistd::Uid::effective();
    let folder = std::env::temp_dir().join(format!("mes-ports-{user}"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = File::create(folder.join(base.to_string()))?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn block_is_free(base: u16) -> bool {
    (base..base + BLOCK_SIZE).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reservations_never_share_a_port() {
        let one = reserve(None).unwrap();
        let two = reserve(None).unwrap();
        assert!(one.ports.primary.abs_diff(two.ports.primary) >= BLOCK_SIZE);
    }

    #[test]
    fn a_block_with_a_taken_port_is_passed_over() {
        let free = reserve(None).unwrap();
        let base = free.ports.primary;
        let _taken = TcpListener::bind(("127.0.0.1", base + 3)).unwrap();
        drop(free);
        assert!(!block_is_free(base));
    }

    #[test]
    fn the_ports_of_an_earlier_run_are_preferred() {
        let earlier = Ports::in_block(29_980);
        let again = reserve(Some(earlier)).unwrap();
        assert_eq!(again.ports, earlier);
    }

    #[test]
    fn a_block_holds_all_its_ports() {
        let ports = Ports::in_block(FIRST_BLOCK);
        let last = ports.pricer + crate::services::MOST_PRICERS - 1;
        assert!(last < ports.webhooks && ports.webhooks < ports.watchdog);
        assert!(ports.second_replica < FIRST_BLOCK + BLOCK_SIZE);
    }
}
