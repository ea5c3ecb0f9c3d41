//! A program that was started and says on stdout where it listens.

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

/// How long a program may take to say where it listens, or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program. It is killed when this goes.
pub(crate) struct Process {
    child: Child,
    /// What it said when it was ready: a JSON object.
    said: Value,
    log: PathBuf,
}

impl Process {
    /// The command for a bare axum program, which is this program itself.
    pub(crate) fn bare() -> Outcome<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("bare");
        Ok(command)
    }

    /// Starts a program in `folder`, where its log goes as well, and waits for its first line.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> Outcome<Self> {
        let log = folder.join("log");
        let mut child = alone(command, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .or_fail(|| format!("can't start {}", command.get_program().display()))?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let mut process = Self { child, said: Value::Null, log };
        let (say, said) = mpsc::channel();
        // All it says is read, so that it never waits for a reader; only the first line matters.
        thread::spawn(move || lines.into_iter().flatten().map_while(Result::ok).for_each(|line| drop(say.send(line))));
        let line = said.recv_timeout(PATIENCE).or_fail(|| format!("it did not start: {}", process.last_words()))?;
        process.said = serde_json::from_str(&line).or_fail(|| format!("it said {line:?}"))?;
        Ok(process)
    }

    /// The address it said under a name, as `http://ADDRESS`.
    pub(crate) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.said.get(name)?.as_str()?.strip_prefix("http://")?.parse().ok()
    }

    /// The CPU time it has used so far.
    pub(crate) fn usage(&self) -> Outcome<Usage> {
        Usage::of(self.child.id()).or_fail(|| format!("the process is gone: {}", self.last_words()))
    }

    /// The memory it has now, in bytes.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let file = format!("/proc/{}/status", self.child.id());
        procfs::resident(&fs::read_to_string(&file)?).or_fail(|| format!("{file} is in no form known"))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) -> Outcome<()> {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(Failure::new("can't signal the process")) }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        self.signal("TERM")?;
        let ended =
            pause::until("the process ends", PATIENCE, Duration::from_millis(5), || Ok(self.child.try_wait()?))?;
        if ended.success() { Ok(()) } else { Err(Failure::new(format!("ended with {ended}: {}", self.last_words()))) }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended can't be killed, and that is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A command with no settings but its own: neither those of this process nor those of a file that lies about.
pub(super) fn alone<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOVANTRA_")) {
        command.env_remove(name);
    }
    command.current_dir(folder)
}
