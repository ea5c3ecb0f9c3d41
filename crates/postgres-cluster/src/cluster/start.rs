//! The wait until a server is ready.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::ChildStderr,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::Outcome;

/// The interval at which the status of the server is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The file in which a server writes its status, which `pg_ctl` reads, too. The log is not reliable for this, since it
/// may be written elsewhere.
const STATUS_FILE: &str = "postmaster.pid";
const STATUS_LINE: usize = 7;

/// The number of log lines in the error if the server ends before it is ready.
const MAX_LOG_LINES: usize = 10;

/// Waits until the server with these files is ready. The end of its log means that the server has ended.
pub(super) fn wait_until_ready(files: &Path, log: ChildStderr) -> Outcome {
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut last = VecDeque::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            last.truncate(MAX_LOG_LINES - 1);
            last.push_front(line);
        }
        let last: Vec<String> = last.into_iter().rev().collect();
        // If the server ends later, the receiver is gone, which is not an error.
        let _ = end.send(last.join("\n"));
    });
    loop {
        match ended.recv_timeout(POLL_INTERVAL) {
            Ok(last) => return Err(format!("PostgreSQL did not start:\n{last}")),
            Err(RecvTimeoutError::Disconnected) => return Err("PostgreSQL has no log".to_owned()),
            Err(RecvTimeoutError::Timeout) if is_ready(files) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn is_ready(files: &Path) -> bool {
    let status = fs::read_to_string(files.join(STATUS_FILE)).unwrap_or_default();
    status.lines().nth(STATUS_LINE).is_some_and(|status| status.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_end_of_the_log_before_the_server_is_ready_is_an_error() {
        let files = tempfile::tempdir().unwrap();
        let start = |script: &str| {
            let mut shell = Command::new("/bin/sh");
            let mut child = shell.args(["-c", script]).current_dir(&files).stderr(Stdio::piped()).spawn().unwrap();
            let ready = wait_until_ready(files.path(), child.stderr.take().unwrap());
            child.kill().unwrap();
            child.wait().unwrap();
            ready
        };
        let error = start("echo 'FATAL: no room' >&2").unwrap_err();
        assert_eq!(error, "PostgreSQL did not start:\nFATAL: no room");
        let ready = "printf '\\n\\n\\n\\n\\n\\n\\nready   \\n' >postmaster.pid; exec tail -f /dev/null";
        assert_eq!(start(ready), Ok(()));
    }
}
