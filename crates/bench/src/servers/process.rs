//! A program that prints on stdout where it listens.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::{Context, Failure, Outcome},
    pause,
    servers::{procfs, usage::Usage},
};

/// The maximum time in which a program must print its address, or stop.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running program. It is killed when this value is dropped.
pub(crate) struct Process {
    child: Child,
    /// The JSON object that it printed when it was ready.
    startup_message: Value,
    log: PathBuf,
}

impl Process {
    /// Returns the command of the bare axum program, which is this program itself.
    pub(crate) fn bare() -> Outcome<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("bare");
        Ok(command)
    }

    /// Starts a program in `folder`, which also gets its log, and waits for its first line.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> Outcome<Self> {
        let log = folder.join("log");
        let mut child = isolated(command, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context(|| format!("can't start {}", command.get_program().display()))?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let mut process = Self { child, startup_message: Value::Null, log };
        let (send, received) = mpsc::channel();
        // All output is read, so that the program never blocks on a full pipe; only the first line matters.
        thread::spawn(move || lines.into_iter().flatten().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let line = received.recv_timeout(TIMEOUT).context(|| format!("it did not start: {}", process.end_of_log()))?;
        process.startup_message = serde_json::from_str(&line).context(|| format!("the program printed {line:?}"))?;
        Ok(process)
    }

    /// Returns an address that it printed under this name, as `http://ADDRESS`.
    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.startup_message.get(name)?.as_str()?.strip_prefix("http://")?.parse().ok()
    }

    /// Returns the CPU time it has used so far.
    pub(crate) fn usage(&self) -> Outcome<Usage> {
        Usage::from_process(self.child.id()).context(|| format!("the process is gone: {}", self.end_of_log()))
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let file = format!("/proc/{}/status", self.child.id());
        procfs::resident(&fs::read_to_string(&file)?).context(|| format!("{file} has an unknown format"))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) -> Outcome<()> {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(Failure::new("can't signal the process")) }
    }

    /// Stops the program and waits until it has ended.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        self.signal("TERM")?;
        let ended = pause::poll_until("the process to end", TIMEOUT, Duration::from_millis(5), || {
            Ok(self.child.try_wait()?)
        })?;
        if ended.success() { Ok(()) } else { Err(Failure::new(format!("ended with {ended}: {}", self.end_of_log()))) }
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A program that has ended already can't be killed, which is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Isolates the command from the settings of this process and of files: it runs in `folder`, without `NOVANTRA_*`
/// variables.
pub(super) fn isolated<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOVANTRA_")) {
        command.env_remove(name);
    }
    command.current_dir(folder)
}
