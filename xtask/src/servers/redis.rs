//! Redis: a cache and a bell, so nothing is written to disk.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;

use super::{Purpose, Setup};
use crate::files;
use crate::process::{Launch, Running};

pub fn start(setup: &Setup) -> Result<Running> {
    let folder = setup.home.data.join("redis");
    std::fs::create_dir_all(&folder)?;
    let configuration = folder.join("redis.conf");
    files::write_private(&configuration, &settings(setup))?;
    let log = setup.home.log("redis");
    let launch =
        Launch::new("redis", "redis-server", &folder, &log).args([configuration.to_string_lossy()]);
    let mut redis = launch.start()?;
    let port = setup.ports.redis;
    redis.wait_until(Duration::from_secs(20), || answers(port))?;
    Ok(redis)
}

pub fn url(setup: &Setup) -> String {
    match password(setup) {
        Some(password) => format!("redis://:{password}@127.0.0.1:{}/0", setup.ports.redis),
        None => format!("redis://127.0.0.1:{}/0", setup.ports.redis),
    }
}

fn password(setup: &Setup) -> Option<&str> {
    (setup.purpose == Purpose::Stack).then_some(&*setup.secrets.redis)
}

fn settings(setup: &Setup) -> String {
    let mut lines = format!(
        "bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nappendonly no\n\
         maxmemory 256mb\nmaxmemory-policy allkeys-lru\n",
        setup.ports.redis,
        setup.home.data.join("redis").display()
    );
    if let Some(password) = password(setup) {
        lines.extend(["requirepass ", password, "\n"]);
    }
    lines
}

/// `PING` is answered: with `PONG`, or with a demand for the password.
fn answers(port: u16) -> bool {
    let ping = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(first[0])
    };
    matches!(ping(), Ok(b'+' | b'-'))
}
