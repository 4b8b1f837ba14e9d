//! Whether the primary answers: asked by a thread, so that a server that hangs holds up nobody.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(500);
const DEADLINE: Duration = Duration::from_secs(1);
/// One question that went wrong tells nothing, as after a night with the lid closed.
const QUESTIONS: u32 = 3;
/// "May we speak TLS?": the smallest question that a server answers, by a process of its own that it has to start.
const QUESTION: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What the thread has found out. It ends when this goes.
pub struct Pulse(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    silent_since: Option<Instant>,
    questions: u32,
}

impl Pulse {
    /// Begins to ask the server at this port.
    pub fn of(port: u16) -> Self {
        let found = Arc::default();
        let seen_by_thread = Arc::downgrade(&found);
        std::thread::spawn(move || keep_asking(port, &seen_by_thread));
        Self(found)
    }

    /// For how long the server has not answered; nothing while it answers.
    pub fn silence(&self) -> Duration {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match found.silent_since {
            Some(since) if found.questions >= QUESTIONS => since.elapsed(),
            _ => Duration::ZERO,
        }
    }
}

fn keep_asking(port: u16, found: &Weak<Mutex<Found>>) {
    loop {
        let asked = Instant::now();
        let answered = answers(port).is_ok();
        let Some(found) = found.upgrade() else { return };
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *found = Found::default();
        } else {
            found.silent_since.get_or_insert(asked);
            found.questions += 1;
        }
        drop(found);
        std::thread::sleep(PAUSE);
    }
}

fn answers(port: u16) -> std::io::Result<u8> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(&QUESTION)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_server_that_takes_connections_and_says_nothing_is_silent() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let pulse = Pulse::of(silent.local_addr().unwrap().port());
        let deadline = Instant::now() + Duration::from_secs(20);
        while pulse.silence() < Duration::from_secs(2) {
            assert!(Instant::now() < deadline, "silence is not noticed");
            std::thread::yield_now();
        }
    }
}
