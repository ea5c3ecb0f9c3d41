//! A running server.

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

/// How a server is to be started.
pub(crate) struct Setup {
    installation: Installation,
    settings: Vec<(String, String)>,
    arguments: Vec<String>,
    log: String,
}

/// A server on free ports; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    installation: Installation,
    log: PathBuf,
    /// What it said when it was ready.
    pub(crate) said: Value,
    /// Where the API is.
    pub(crate) url: String,
    /// Where probes and metrics are.
    pub(crate) admin_url: String,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::over(Installation::new())
    }

    pub(crate) fn over(installation: Installation) -> Self {
        Self { installation, settings: Vec::new(), arguments: Vec::new(), log: "server.log".to_owned() }
    }

    /// With limits that are not in the way.
    pub(crate) fn unlimited(self) -> Self {
        self.set("RATE_LIMIT_TOKEN_READ", "1000000")
            .set("RATE_LIMIT_TOKEN_WRITE", "1000000")
            .set("RATE_LIMIT_ORGANIZATION", "1000000")
            .set("RATE_LIMIT_TOKEN_ENDPOINT", "1000000")
            .set("RATE_LIMIT_TOKEN_ENDPOINT_ADDRESS", "1000000")
    }

    /// With its log in this file of the installation's folder, so that servers beside each other have one each.
    pub(crate) fn log(mut self, file: &str) -> Self {
        self.log = file.to_owned();
        self
    }

    /// With this setting, by the name of its variable without `NOVANTRA_`.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((format!("NOVANTRA_{name}"), value.to_owned()));
        self
    }

    /// With this variable, which is no setting of the program.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a system clock that is so many seconds ahead.
    pub(crate) fn clock_ahead(mut self, seconds: i64) -> Self {
        self.settings.extend(super::clock_ahead(seconds));
        self
    }

    /// With this argument after `serve`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts the server and waits until it says that it is ready.
    pub(crate) fn start(self) -> Server {
        let log = self.installation.folder().join(&self.log);
        let mut child = self
            .installation
            .program()
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(&self.arguments)
            .envs(self.settings)
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log).expect("a log"))
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("its output");
        let (tell, hear) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            let _ = tell.send(read.map(|_| line));
        });
        let line = hear.recv_timeout(DEADLINE).expect("the server is ready in time").expect("its first line");
        let read_log = || std::fs::read_to_string(&log).unwrap_or_default();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no server: {line:?} {}", read_log()));
        let address = |name: &str| said[name].as_str().expect("an address").to_owned();
        let (url, admin_url) = (address("listen"), address("admin_listen"));
        Server { child, installation: self.installation, log, said, url, admin_url }
    }
}

impl Server {
    /// A server with nothing set but what tests need: limits that are not in the way.
    pub(crate) fn start() -> Self {
        Self::over(Installation::new())
    }

    /// The same over an installation that may be there already.
    pub(crate) fn over(installation: Installation) -> Self {
        Setup::over(installation).unlimited().start()
    }

    /// Its installation, for commands beside it.
    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Makes a service account in the workspace `default`.
    pub(crate) fn account(&self, name: &str, scopes: &[&str]) -> Credentials {
        self.installation.account(name, scopes)
    }

    /// A client that acts as a new service account of the workspace `default`.
    pub(crate) async fn client(&self, name: &str, scopes: &[&str]) -> Client {
        Client::with_token(&self.url, &self.account(name, scopes)).await
    }

    /// Asks it to stop, as an operator's system does, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("its end")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it has ended by itself or by a signal.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(mut self) -> Installation {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("its end");
        self.installation.clone()
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("its log")
    }

    /// The memory it has now, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let kibibytes: u64 = line.trim_end_matches("kB").trim().parse().expect("a number");
        kibibytes * 1024
    }

    /// Asks the admin listener.
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

/// Asks an admin listener.
pub(crate) async fn probe(admin_url: &str, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{admin_url}{path}")).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("its text"))
}

/// A body for a new finding.
pub(crate) fn finding(key: &str) -> Value {
    json!({
        "findingKey": key,
        "title": format!("Finding {key}"),
        "severity": "medium",
        "sourceKind": "manual",
        "reason": "recorded by a test of the program",
    })
}
