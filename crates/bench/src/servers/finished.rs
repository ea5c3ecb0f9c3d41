//! A command that has ended.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    failure::{Context, Failure, Outcome},
    pause,
    servers::{process::isolated, procfs},
};

/// The maximum duration of a command.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// The interval at which a command is polled, which bounds the error of its duration.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The cost of a command.
pub(crate) struct Finished {
    pub(crate) elapsed: Duration,
    /// The peak of its resident memory, in bytes.
    pub(crate) peak: u64,
    /// The text that it printed.
    pub(crate) output: String,
}

impl Finished {
    /// Runs a command in a folder to its end.
    pub(super) fn of(command: &mut Command, folder: &Path) -> Outcome<Self> {
        let (log, output) = (folder.join("command.log"), folder.join("command.out"));
        let started = Instant::now();
        let mut child = isolated(command, folder)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&output)?)
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context(|| format!("can't start {}", command.get_program().display()))?;
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = pause::poll_until("the command to end", TIMEOUT, POLL_INTERVAL, || {
            // The file is gone when the command has ended.
            let resident = fs::read_to_string(&status).ok().and_then(|status| procfs::peak_resident(&status));
            peak = peak.max(resident.unwrap_or_default());
            Ok(child.try_wait()?)
        });
        let ended = match ended {
            Ok(ended) => ended,
            Err(failure) => {
                child.kill()?;
                child.wait()?;
                return Err(failure);
            }
        };
        let elapsed = started.elapsed();
        if ended.success() {
            return Ok(Self { elapsed, peak, output: fs::read_to_string(&output)? });
        }
        let log = fs::read_to_string(&log).unwrap_or_default();
        Err(Failure::new(format!("{} ended with {ended}: {log}", command.get_program().display())))
    }
}
