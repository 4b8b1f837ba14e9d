//! The Debian packages that the servers come from: found, or installed by root, or asked for.
//!
//! Installing a server's package normally starts it as a system service. A `policy-rc.d` that says
//! no prevents that while we install; on a machine with systemd the services are also disabled,
//! so that they do not appear at the next start either.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::servers::postgres;
use crate::{home, process};

const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing, or says what to do.
pub fn ensure() -> Result<()> {
    install(&missing_or_refuse()?)
}

/// What [`install`] has to install; an error when that needs root and we are not.
pub fn missing_or_refuse() -> Result<Vec<&'static str>> {
    let missing = missing();
    if !missing.is_empty() && !Uid::effective().is_root() {
        bail!("{}", request(&missing));
    }
    Ok(missing)
}

/// Node and npm are not ours to install: Debian's are too old.
pub fn require_node() -> Result<()> {
    let version = process::output(Command::new("node").arg("--version"))
        .context("Node.js 20 or newer with npm is needed for the dashboard; install it first")?;
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().unwrap_or_default() < 20 {
        bail!("Node.js {} is too old for the dashboard: 20 or newer is needed", version.trim());
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    let exists = |path: &str| Path::new(path).exists();
    let packages = [
        ("postgresql", postgres::programs().is_some()),
        ("redis-server", exists("/usr/bin/redis-server")),
        ("rabbitmq-server", exists("/usr/lib/rabbitmq/bin/rabbitmq-server")),
    ];
    packages.into_iter().filter(|(_, present)| !present).map(|(name, _)| name).collect()
}

fn request(missing: &[&str]) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "xtask".into());
    format!(
        "missing: {}. Installing needs root; run this one command and then try again:\n\n    \
         sudo {} packages\n\n(it calls apt-get install and starts no system service)",
        missing.join(", "),
        program.display()
    )
}

/// Installs packages with apt; starts no service.
pub fn install(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let log = home::checkout().join(".mes/apt.log");
    println!("  apt: installing {} (no service is started)", missing.join(", "));
    let begun = Instant::now();
    let _guard = Policy::deny_starts()?;
    process::run_logged(apt().arg("update"), &log)?;
    let install = ["install", "-y", "--no-install-recommends"];
    process::run_logged(apt().args(install).args(missing), &log)?;
    println!("  apt: installed ({:.0} s)", begun.elapsed().as_secs_f32());
    let services = missing.iter().copied().chain(["epmd.service", "epmd.socket"]);
    // Without systemd there is nothing to disable.
    let _ = Command::new("systemctl").args(["disable", "--quiet"]).args(services).output();
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
    command
}

/// While it lives, package scripts may not start services.
struct Policy {
    ours: bool,
}

impl Policy {
    fn deny_starts() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n").context("cannot write policy-rc.d")?;
        fs::set_permissions(POLICY, Permissions::from_mode(0o755))?;
        Ok(Self { ours: true })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_one_command_that_names_what_is_missing() {
        let text = request(&["redis-server", "postgresql"]);
        assert!(text.contains("redis-server, postgresql"), "{text}");
        assert_eq!(text.matches("sudo").count(), 1, "{text}");
    }
}
