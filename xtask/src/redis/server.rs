//! A Redis server that ends with this process.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
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

/// The server persists nothing, so there is no folder to clean up.
const SETTINGS: [&str; 6] = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];

/// The log line of both Redis and Valkey.
const READY: &str = "Ready to accept connections";

pub(crate) struct Server {
    url: String,
    watch: Child,
}

impl Server {
    pub(super) fn start(program: &Path) -> Outcome<Self> {
        let port = free_port()?;
        let mut watch = Command::new("/bin/sh");
        watch.args(["-c", WATCH, "watch"]).arg(program).args(["--port", &port.to_string()]).args(SETTINGS);
        watch.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut watch = watch.spawn().map_err(|error| format!("/bin/sh can't be started: {error}"))?;
        let log = watch.stdout.take();
        let server = Self { url: format!("redis://127.0.0.1:{port}"), watch };
        log.map_or_else(|| Err("the log of Redis is missing".to_owned()), wait_until_ready)?;
        Ok(server)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        if let Err(error) = self.watch.wait() {
            eprintln!("could not wait for Redis to end: {error}");
        }
    }
}

fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Reads the log until the server is ready, and then discards it until its end.
fn wait_until_ready(log: impl Read + Send + 'static) -> Outcome {
    let (ready, result) = mpsc::channel();
    thread::spawn(move || {
        let mut last = VecDeque::new();
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        for line in lines.by_ref() {
            if line.contains(READY) {
                let _ = ready.send(Ok(()));
                break;
            }
            last.truncate(9);
            last.push_front(line);
        }
        let log: Vec<String> = last.into_iter().rev().collect();
        let _ = ready.send(Err(format!("Redis did not start:\n{}", log.join("\n"))));
        lines.for_each(drop);
    });
    result.recv().map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_ends_before_the_server_is_ready_is_a_failure() {
        assert_eq!(wait_until_ready("12:M * Ready to accept connections tcp\n".as_bytes()), Ok(()));
        let refused = wait_until_ready("12:M # no room\n".as_bytes()).unwrap_err();
        assert_eq!(refused, "Redis did not start:\n12:M # no room");
    }
}
