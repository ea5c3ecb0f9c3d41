//! Waiting for a server to be ready.

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

/// How often it is looked whether it is.
const PACE: Duration = Duration::from_millis(20);

/// Where a server says how it is, as `pg_ctl` reads it: its log may go elsewhere than here.
const STATUS_FILE: &str = "postmaster.pid";
const STATUS_LINE: usize = 7;

/// How many of its last words are told when it ends before it is ready.
const LAST_WORDS: usize = 10;

/// Waits until the server over these files is ready. The end of its log is the end of the server.
pub(super) fn wait_until_ready(files: &Path, log: ChildStderr) -> Outcome {
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut last = VecDeque::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            last.truncate(LAST_WORDS - 1);
            last.push_front(line);
        }
        let last: Vec<String> = last.into_iter().rev().collect();
        // Nobody listens any more when it ends later.
        let _ = end.send(last.join("\n"));
    });
    loop {
        match ended.recv_timeout(PACE) {
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
    fn the_end_of_a_log_before_the_server_is_ready_is_a_failure() {
        let files = tempfile::tempdir().unwrap();
        let start = |script: &str| {
            let mut shell = Command::new("/bin/sh");
            let mut child = shell.args(["-c", script]).current_dir(&files).stderr(Stdio::piped()).spawn().unwrap();
            let ready = wait_until_ready(files.path(), child.stderr.take().unwrap());
            child.kill().unwrap();
            child.wait().unwrap();
            ready
        };
        let refused = start("echo 'FATAL: no room' >&2").unwrap_err();
        assert_eq!(refused, "PostgreSQL did not start:\nFATAL: no room");
        let ready = "printf '\\n\\n\\n\\n\\n\\n\\nready   \\n' >postmaster.pid; exec tail -f /dev/null";
        assert_eq!(start(ready), Ok(()));
    }
}
