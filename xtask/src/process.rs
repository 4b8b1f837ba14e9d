//! Child processes: started in a group of their own, with their output in a log file, and ended
//! by process id.
//!
//! A terminal sends Ctrl-C to its whole foreground group. Children stand in groups of their own,
//! so that only this program hears it and can end them in the right order. Each child also asks
//! the kernel for a signal when this program dies (`setpriv --pdeathsig`), so that even `kill -9`
//! of the supervisor leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::interrupt;

/// How to start one long-running process.
#[derive(Clone, Debug)]
pub struct Launch {
    pub name: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// The system user to run as; `None` runs as the caller.
    pub user: Option<&'static str>,
    pub folder: PathBuf,
    pub log: PathBuf,
    /// What asks this program to stop in good order.
    pub stop: Signal,
    /// How long it may take before it is killed.
    pub grace: Duration,
    /// Others need it until they have ended.
    pub outlives_others: bool,
}

impl Launch {
    pub fn new(name: &str, program: impl Into<PathBuf>, folder: &Path, log: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            user: None,
            folder: folder.to_owned(),
            log: log.to_owned(),
            stop: Signal::SIGTERM,
            grace: Duration::from_secs(20),
            outlives_others: false,
        }
    }

    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.env.push((key.to_owned(), value.into()));
        self
    }

    /// Must be called from the main thread: the kernel's death signal follows the *thread*.
    pub fn start(&self) -> Result<Running> {
        let log = open_log(&self.log)?;
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {} ({})", self.name, self.program.display()))?;
        Ok(Running { launch: self.clone(), child, started: Instant::now() })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig").arg(self.stop.as_str().trim_start_matches("SIG"));
        if let Some(user) = self.user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(&self.program).args(&self.args);
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command.current_dir(&self.folder).process_group(0);
        command
    }
}

/// A started process.
#[derive(Debug)]
pub struct Running {
    pub launch: Launch,
    child: Child,
    started: Instant,
}

impl Running {
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The exit status when the process has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks for a stop without waiting for it, so that many can end at once.
    pub fn ask_to_stop(&mut self) {
        if self.ended().is_none() {
            let _ = kill(pid_of(&self.child), self.launch.stop);
        }
    }

    /// Stops it: asks, waits as long as it is allowed, then kills the whole group.
    pub fn stop(&mut self) {
        self.ask_to_stop();
        let deadline = Instant::now() + self.launch.grace;
        while self.ended().is_none() {
            if Instant::now() > deadline || interrupt::insisted() {
                let _ = killpg(pid_of(&self.child), Signal::SIGKILL);
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = killpg(pid_of(&self.child), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }

    /// Waits until `ready` says so; fails early, with the end of the log, when the process ends
    /// or the time is up.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !ready() {
            interrupt::check()?;
            if let Some(status) = self.ended() {
                bail!("{} ended while starting ({status})\n{}", self.name(), self.story());
            }
            if Instant::now() > deadline {
                let seconds = limit.as_secs();
                bail!("{} was not ready after {seconds} s\n{}", self.name(), self.story());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The last lines of its log, as a person wants to see them under an error.
    pub fn story(&self) -> String {
        let path = self.launch.log.display();
        format!("last lines of {path}:\n{}", tail(&self.launch.log, 20))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Stops many, the first one first: all are asked at once, then waited for.
pub fn stop_all<'a>(running: impl IntoIterator<Item = &'a mut Running>) {
    let mut running: Vec<_> = running.into_iter().collect();
    running.sort_by_key(|process| process.launch.outlives_others);
    for process in running.iter_mut().filter(|process| !process.launch.outlives_others) {
        process.ask_to_stop();
    }
    for process in running {
        process.stop();
    }
}

/// Runs a program to its end, in a group of its own, with the caller's terminal. Ctrl-C ends it.
pub fn run(command: &mut Command) -> Result<()> {
    finish(start(command)?, &describe(command))
}

/// Runs a program to its end with its output in a log; the end of the log is in the error.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = open_log(log)?;
    command.stdout(file.try_clone()?).stderr(file);
    let result = run(command);
    result.with_context(|| format!("last lines of {}:\n{}", log.display(), tail(log, 20)))
}

/// Starts a program that shares the caller's terminal and will be waited for by [`finish`].
pub fn start(command: &mut Command) -> Result<Child> {
    command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{}`", describe(command)))
}

/// Waits for a program; ends its whole group when the user interrupts.
pub fn finish(child: Child, what: &str) -> Result<()> {
    let status = wait(child)?;
    if status.success() {
        return Ok(());
    }
    bail!("`{what}` failed ({status})")
}

/// Ends a program that nobody waits for any more.
pub fn end(mut child: Child) -> Result<()> {
    // It may have ended by itself.
    let _ = killpg(pid_of(&child), Signal::SIGTERM);
    child.wait()?;
    Ok(())
}

/// The exit status of a program; ends its whole group when the user interrupts.
pub fn wait(mut child: Child) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if let Err(interrupted) = interrupt::check() {
            let _ = killpg(pid_of(&child), Signal::SIGTERM);
            child.wait()?;
            return Err(interrupted);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a program quietly and answers with what it printed; its error output is in the error.
pub fn output(command: &mut Command) -> Result<String> {
    let what = describe(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{what}`"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{what}` failed ({}):\n{}", output.status, stderr.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{what}` printed no UTF-8"))
}

/// The command as one would type it; arguments only, the environment may hold passwords.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("Linux process ids fit in an i32"))
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

/// The last `lines` lines of a file, indented; a missing file has none.
pub fn tail(path: &Path, lines: usize) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all[from..].iter().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines_indented() {
        let path = std::env::temp_dir().join(format!("xtask-tail-{}", std::process::id()));
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(tail(&path, 2), "  | two\n  | three");
        fs::remove_file(&path).unwrap();
        assert_eq!(tail(&path, 2), "");
    }

    #[test]
    fn a_failed_program_says_what_it_was_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo no good >&2; exit 3"]));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("sh -c"), "{text}");
        assert!(text.contains("no good"), "{text}");
    }

    #[test]
    fn a_process_that_ends_while_starting_is_an_error_with_its_log() {
        let folder = std::env::temp_dir();
        let log = folder.join(format!("xtask-start-{}.log", std::process::id()));
        let launch =
            Launch::new("broken", "sh", &folder, &log).args(["-c", "echo out of luck; exit 1"]);
        let mut running = launch.start().unwrap();
        let error = running.wait_until(Duration::from_secs(10), || false).unwrap_err();
        assert!(error.to_string().contains("out of luck"), "{error}");
        fs::remove_file(&log).unwrap();
    }
}
