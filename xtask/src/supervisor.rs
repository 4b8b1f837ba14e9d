//! Keeps processes running: whoever dies is started again, soon at first, then after growing
//! pauses. Stopping goes against the order of starting.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{self, Launch, Running};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Who has run this long has recovered; its next death counts as the first.
const RECOVERED: Duration = Duration::from_mins(1);

pub struct Supervisor {
    kept: Vec<Kept>,
    pub restarts: u32,
    longest_pause: Duration,
    away: BTreeSet<String>,
}

struct Kept {
    launch: Launch,
    state: State,
    deaths: u32,
}

enum State {
    Up(Box<Running>),
    /// Dead; to be started again at this time.
    Pausing(Instant),
    /// Somebody else decides when it is started again.
    Held,
}

impl Supervisor {
    pub fn new() -> Self {
        Self { kept: Vec::new(), restarts: 0, longest_pause: LONGEST_PAUSE, away: BTreeSet::new() }
    }

    /// Starts whoever dies again at once, however often: somebody kills them on purpose.
    pub fn impatient(mut self) -> Self {
        self.longest_pause = FIRST_PAUSE;
        self
    }

    /// Whoever is named here and dies is not started again until they are not named any more.
    pub fn keep_away(&mut self, names: BTreeSet<String>) {
        self.away = names;
    }

    /// The processes that are up, by name.
    pub fn pids(&self) -> impl Iterator<Item = (String, u32)> {
        self.kept.iter().filter_map(|kept| match &kept.state {
            State::Up(running) => Some((kept.launch.name.clone(), running.pid())),
            State::Pausing(_) | State::Held => None,
        })
    }

    /// How a process was started.
    pub fn launch_of(&self, name: &str) -> Option<&Launch> {
        self.kept.iter().map(|kept| &kept.launch).find(|launch| launch.name == name)
    }

    /// Takes over a process that runs.
    pub fn keep(&mut self, running: Running) {
        let launch = running.launch.clone();
        self.kept.push(Kept { launch, state: State::Up(Box::new(running)), deaths: 0 });
    }

    /// Ends a process, without asking it, and leaves it so until [`Self::release`].
    pub fn hold(&mut self, name: &str) {
        for kept in self.kept.iter_mut().filter(|kept| kept.launch.name == name) {
            if let State::Up(running) = &mut kept.state {
                running.kill();
            }
            kept.state = State::Held;
        }
    }

    /// Starts a process that was held.
    pub fn release(&mut self, name: &str) -> Result<()> {
        let held = |kept: &&mut Kept| kept.launch.name == name && matches!(kept.state, State::Held);
        for kept in self.kept.iter_mut().filter(held) {
            kept.state = State::Up(Box::new(kept.launch.start()?));
            self.restarts += 1;
        }
        Ok(())
    }

    /// Looks at every process once; answers with what a person should know.
    pub fn look(&mut self) -> Result<Vec<String>> {
        let mut news = Vec::new();
        for kept in &mut self.kept {
            if let Some(line) = kept.look(self.longest_pause) {
                news.push(line);
            }
            if kept.due() && !self.away.contains(&kept.launch.name) {
                news.push(format!("{} starts again", kept.launch.name));
                kept.state = State::Up(Box::new(kept.launch.start()?));
                self.restarts += 1;
            }
        }
        Ok(news)
    }

    /// How many of the processes are up.
    pub fn up(&self) -> (usize, usize) {
        let up = self.kept.iter().filter(|kept| matches!(kept.state, State::Up(_))).count();
        (up, self.kept.len())
    }

    /// Stops everything, the last kept first.
    pub fn stop(&mut self) {
        let up = self.kept.iter_mut().rev().filter_map(|kept| match &mut kept.state {
            State::Up(running) => Some(&mut **running),
            State::Pausing(_) | State::Held => None,
        });
        process::stop_all(up);
        self.kept.clear();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Kept {
    fn look(&mut self, longest_pause: Duration) -> Option<String> {
        let State::Up(running) = &mut self.state else { return None };
        let status = running.ended()?;
        self.deaths = if running.uptime() > RECOVERED { 1 } else { self.deaths + 1 };
        let pause = pause_after(self.deaths).min(longest_pause);
        let story = running.story();
        self.state = State::Pausing(Instant::now() + pause);
        let name = &self.launch.name;
        Some(format!("{name} died ({status}); starting again in {pause:.1?}; {story}"))
    }

    fn due(&self) -> bool {
        matches!(self.state, State::Pausing(until) if Instant::now() >= until)
    }
}

fn pause_after(deaths: u32) -> Duration {
    let doublings = deaths.saturating_sub(1).min(10);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        assert_eq!(pause_after(1), FIRST_PAUSE);
        assert_eq!(pause_after(2), FIRST_PAUSE * 2);
        assert_eq!(pause_after(30), LONGEST_PAUSE);
    }

    #[test]
    fn who_dies_is_started_again_unless_kept_away() {
        let folder = std::env::temp_dir();
        let log = folder.join(format!("xtask-keep-{}.log", std::process::id()));
        let launch = Launch::new("short", "sleep", &folder, &log).args(["0.05"]);
        let mut supervisor = Supervisor::new();
        supervisor.keep(launch.start().unwrap());
        let mut news = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        supervisor.keep_away(BTreeSet::from(["short".to_owned()]));
        let is_due = |supervisor: &Supervisor| supervisor.kept.iter().any(Kept::due);
        while !is_due(&supervisor) && Instant::now() < deadline {
            news.extend(supervisor.look().unwrap());
            std::thread::yield_now();
        }
        news.extend(supervisor.look().unwrap());
        assert_eq!(supervisor.restarts, 0, "kept away");
        supervisor.keep_away(BTreeSet::new());
        while supervisor.restarts == 0 && Instant::now() < deadline {
            news.extend(supervisor.look().unwrap());
            std::thread::yield_now();
        }
        assert!(news.iter().any(|line| line.contains("short died")), "{news:?}");
        assert!(news.iter().any(|line| line.contains("short starts again")), "{news:?}");
        supervisor.stop();
        std::fs::remove_file(log).unwrap();
    }
}
