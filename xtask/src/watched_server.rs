//! A server that ends with this process.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use crate::Outcome;

/// Runs the server until the pipe to this script is closed, which also happens when the process that holds it is
/// killed. Only the server holds the pipe of its log, so the end of the log shows that the server has ended.
const WATCH: &str = r#"
trap '' INT
exec 3>&1 >/dev/null 2>&1
"$@" >&3 2>&3 3>&- &
exec 3>&-
cat >/dev/null
kill -KILL $!
wait
"#;

/// A running server, stopped when this is dropped.
pub(crate) struct WatchedServer {
    name: &'static str,
    watch: Child,
}

impl WatchedServer {
    /// Starts a server, and returns when its log has a line that contains `ready`.
    pub(crate) fn start(name: &'static str, command: &Command, ready: &'static str) -> Outcome<Self> {
        let mut watch = Command::new("/bin/sh");
        watch.args(["-c", WATCH, "watch"]).arg(command.get_program()).args(command.get_args());
        watch.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut watch = watch.spawn().map_err(|error| format!("/bin/sh can't be started: {error}"))?;
        let log = watch.stdout.take();
        let server = Self { name, watch };
        let log = log.ok_or_else(|| format!("the log of {name} is missing"))?;
        wait_until_ready(name, log, ready)?;
        Ok(server)
    }
}

impl Drop for WatchedServer {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        if let Err(error) = self.watch.wait() {
            eprintln!("could not wait for {} to end: {error}", self.name);
        }
    }
}

/// A port of the loopback address that nothing listens on.
pub(crate) fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Reads the log until the server is ready, and then discards it until its end.
fn wait_until_ready(name: &'static str, log: impl Read + Send + 'static, ready_line: &'static str) -> Outcome {
    let (ready, result) = mpsc::channel();
    thread::spawn(move || {
        let mut last = VecDeque::new();
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        for line in lines.by_ref() {
            if line.contains(ready_line) {
                let _ = ready.send(Ok(()));
                break;
            }
            last.truncate(9);
            last.push_front(line);
        }
        let log: Vec<String> = last.into_iter().rev().collect();
        let _ = ready.send(Err(format!("{name} did not start:\n{}", log.join("\n"))));
        lines.for_each(drop);
    });
    result.recv().map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_ends_before_the_server_is_ready_is_a_failure() {
        let wait = |log: &'static str| wait_until_ready("Redis", log.as_bytes(), "Ready");
        assert_eq!(wait("12:M * Ready to accept connections tcp\n"), Ok(()));
        let refused = wait("12:M # no room\n").unwrap_err();
        assert_eq!(refused, "Redis did not start:\n12:M # no room");
    }
}
