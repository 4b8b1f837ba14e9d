//! Ctrl-C, `SIGTERM` and `SIGHUP`: the first asks for an ordered stop, the second insists.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// Listens from now on.
pub fn listen() -> Result<()> {
    ctrlc::set_handler(|| {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether somebody wants this program to stop.
pub fn requested() -> bool {
    REQUESTS.load(Ordering::Relaxed) > 0
}

/// Whether somebody has lost patience with the ordered stop.
pub fn insisted() -> bool {
    REQUESTS.load(Ordering::Relaxed) > 1
}

/// An error when a stop was asked for; every wait calls this.
pub fn check() -> Result<()> {
    if requested() {
        bail!("interrupted");
    }
    Ok(())
}
