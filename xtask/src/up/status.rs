//! The live status under a running stack: one line that is written over in a terminal, or a line
//! now and then in a log.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http;
use crate::stack::Stack;
use crate::supervisor::Supervisor;

const IN_TERMINAL: Duration = Duration::from_secs(2);
const IN_LOG: Duration = Duration::from_secs(30);

pub struct Status {
    begun: Instant,
    last: Option<Instant>,
    terminal: bool,
}

impl Status {
    pub fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { begun: Instant::now(), last: None, terminal }
    }

    /// Prints news above the status line.
    pub fn say(&mut self, line: &str) {
        self.clear();
        println!("{line}");
        self.last = None;
    }

    /// Shows how things stand, when it is time again.
    pub fn refresh(&mut self, stack: &Stack, servers: &Supervisor, services: &Supervisor) {
        let interval = if self.terminal { IN_TERMINAL } else { IN_LOG };
        if self.last.is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        let line = self.line(stack, servers, services);
        self.clear();
        print!("{line}");
        if !self.terminal {
            println!();
        }
        // Nobody reads the terminal any more: nothing to tell.
        let _ = std::io::stdout().flush();
        self.last = Some(Instant::now());
    }

    fn line(&self, stack: &Stack, servers: &Supervisor, services: &Supervisor) -> String {
        let seconds = self.begun.elapsed().as_secs();
        let (servers_up, servers_all) = servers.up();
        let (services_up, services_all) = services.up();
        let restarts = match servers.restarts + services.restarts {
            0 => String::new(),
            n => format!(", {n} restarts"),
        };
        format!(
            "{:02}:{:02} | servers {servers_up}/{servers_all}, services \
             {services_up}/{services_all}{restarts} | {}",
            seconds / 60,
            seconds % 60,
            orders(stack)
        )
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[K");
        }
    }
}

fn orders(stack: &Stack) -> String {
    let Some(admin) = stack.person("admin") else { return String::new() };
    let url = format!("{}/v1/board/counts", stack.read_api);
    match http::bearer(&url, &admin.token) {
        Ok(answer) => describe(&answer),
        Err(_) => "read API does not answer".to_owned(),
    }
}

/// The ten statuses as an order goes through them, and the way out.
const STATUSES: [&str; 11] = [
    "INITIATED",
    "FILE_UPLOADED",
    "SUBMITTED",
    "PRICE_CALCULATED",
    "MANUFACTURING_APPROVED",
    "MANUFACTURING_STARTED",
    "MANUFACTURING_COMPLETED",
    "PACKAGING",
    "SHIPPED",
    "CLOSED",
    "CANCELLED",
];

/// The statuses that hold orders.
fn describe(answer: &Value) -> String {
    let count = |status: &str| answer["counts"][status].as_u64().unwrap_or(0);
    let filled = STATUSES.iter().filter(|status| count(status) > 0);
    let words: Vec<String> = filled.map(|status| format!("{status} {}", count(status))).collect();
    if words.is_empty() { "no orders yet".to_owned() } else { words.join(" · ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_statuses_with_orders_are_named_in_their_own_order() {
        let answer = json!({"counts": {"PACKAGING": 1, "CLOSED": 0, "SUBMITTED": 3}});
        assert_eq!(describe(&answer), "SUBMITTED 3 · PACKAGING 1");
        assert_eq!(describe(&json!({"counts": {}})), "no orders yet");
    }
}
