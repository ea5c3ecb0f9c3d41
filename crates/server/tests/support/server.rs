//! A running server process.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};

use super::{Client, Credentials, DEADLINE, Installation};

/// The configuration of a server to start.
pub(crate) struct Setup {
    installation: Installation,
    settings: Vec<(String, String)>,
    arguments: Vec<String>,
    /// Shell commands that run in the process before the program.
    prelude: Option<String>,
    log: String,
}

/// A server process on free ports. It is killed when this value is dropped.
pub(crate) struct Server {
    child: Child,
    installation: Installation,
    log: PathBuf,
    /// The JSON document that it printed when it was ready.
    pub(crate) ready_message: Value,
    /// The URL of the API.
    pub(crate) url: String,
    /// The URL of the probes and metrics.
    pub(crate) admin_url: String,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::with_installation(Installation::new())
    }

    pub(crate) fn with_installation(installation: Installation) -> Self {
        Self { installation, settings: Vec::new(), arguments: Vec::new(), prelude: None, log: "server.log".to_owned() }
    }

    /// Sets rate limits so high that they never apply.
    pub(crate) fn unlimited(self) -> Self {
        self.set("RATE_LIMIT_TOKEN_READ", "1000000")
            .set("RATE_LIMIT_TOKEN_WRITE", "1000000")
            .set("RATE_LIMIT_ORGANIZATION", "1000000")
            .set("RATE_LIMIT_TOKEN_ENDPOINT", "1000000")
            .set("RATE_LIMIT_TOKEN_ENDPOINT_ADDRESS", "1000000")
    }

    /// Writes the log to this file in the installation's folder, so that each of several servers has its own.
    pub(crate) fn log(mut self, file: &str) -> Self {
        self.log = file.to_owned();
        self
    }

    /// Sets a setting, given the name of its variable without `NOVANTRA_`.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((format!("NOVANTRA_{name}"), value.to_owned()));
        self
    }

    /// Sets an environment variable that is no setting of the program.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the system clock of the process ahead by this number of seconds.
    pub(crate) fn clock_ahead(mut self, seconds: i64) -> Self {
        self.settings.extend(super::clock_ahead(seconds));
        self
    }

    /// Sets the system clock of the process by a file, which [`set_clock`](super::set_clock) writes.
    pub(crate) fn clock_file(mut self, file: &std::path::Path) -> Self {
        self.settings.extend(super::clock_of_file(file));
        self
    }

    /// Runs shell commands in the process before the program, such as `ulimit`.
    pub(crate) fn prelude(mut self, commands: &str) -> Self {
        self.prelude = Some(commands.to_owned());
        self
    }

    /// Adds an argument after `serve`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(self) -> Server {
        let log = self.installation.folder().join(&self.log);
        let program = match &self.prelude {
            Some(prelude) => self.installation.program_after(prelude),
            None => self.installation.program(),
        };
        let mut child = { program }
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(&self.arguments)
            .envs(self.settings)
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log).expect("a log"))
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("its output");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(read.map(|_| line));
        });
        let line = receiver.recv_timeout(DEADLINE).expect("the server is ready in time").expect("its first line");
        let read_log = || std::fs::read_to_string(&log).unwrap_or_default();
        let ready_message: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the server did not start: {line:?} {}", read_log()));
        let address = |name: &str| ready_message[name].as_str().expect("an address").to_owned();
        let (url, admin_url) = (address("listen"), address("admin_listen"));
        Server { child, installation: self.installation, log, ready_message, url, admin_url }
    }
}

impl Server {
    /// Starts a server of a new installation, with rate limits that never apply.
    pub(crate) fn start() -> Self {
        Self::start_with(Installation::new())
    }

    /// Starts a server of this installation, with rate limits that never apply.
    pub(crate) fn start_with(existing: Installation) -> Self {
        Setup::with_installation(existing).unlimited().start()
    }

    /// The installation of the server.
    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Creates a service account in the workspace `default`.
    pub(crate) fn create_account(&self, name: &str, scopes: &[&str]) -> Credentials {
        self.installation.create_account(name, scopes)
    }

    /// Creates a service account in the workspace `default`, and a client with a token of it.
    pub(crate) async fn create_client(&self, name: &str, scopes: &[&str]) -> Client {
        Client::with_token(&self.url, &self.create_account(name, scopes)).await
    }

    /// Stops the server with SIGTERM, and waits until it has exited.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("its end")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until the server has exited, by itself or by a signal.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }

    /// The process identifier.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server immediately.
    pub(crate) fn kill(mut self) -> Installation {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("its end");
        self.installation.clone()
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("its log")
    }

    /// The resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let kibibytes: u64 = line.trim_end_matches("kB").trim().parse().expect("a number");
        kibibytes * 1024
    }

    /// Sends a GET request to the admin listener.
    pub(crate) async fn probe(&self, path: &str) -> (u16, String) {
        probe(&self.admin_url, path).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a GET request to an admin listener; returns the status and the body.
pub(crate) async fn probe(admin_url: &str, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{admin_url}{path}")).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("its text"))
}

/// The request body of a new finding.
pub(crate) fn finding(key: &str) -> Value {
    json!({
        "findingKey": key,
        "title": format!("Finding {key}"),
        "severity": "medium",
        "sourceKind": "manual",
        "reason": "recorded by a test of the program",
    })
}
