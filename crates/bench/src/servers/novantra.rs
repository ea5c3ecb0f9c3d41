//! The server itself.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    failure::{Context, Failure, Outcome},
    http::{Request, call},
    pause,
    servers::{
        Subject,
        process::{Process, alone},
    },
};

/// More than any benchmark can ask.
const UNLIMITED: &str = "4294967295";
const LIMITS: &[&str] = &["token-read", "token-write", "organization", "token-endpoint", "token-endpoint-address"];

/// How long the sealer may take to have sealed everything.
const SEALED_WITHIN: Duration = Duration::from_secs(120);
/// How often it is asked: seldom enough that asking costs nothing to speak of.
const SEALED_EVERY: Duration = Duration::from_millis(50);

/// The SQLite file's name in the data folder.
pub(crate) const DATABASE: &str = "novantra.db";

/// The flag that names another database.
const DATABASE_URL: &str = "database-url";

/// A flag of the server and its value.
pub(crate) type Setting<'a> = (&'a str, &'a str);

/// A running server, on a SQLite file of its own where its settings name no other database.
pub(crate) struct Novantra {
    process: Process,
    binary: PathBuf,
    folder: TempDir,
    database: Option<String>,
}

/// A service account's credentials.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl Novantra {
    /// Starts the server on the data in `folder`, which is removed with it.
    pub(crate) fn start(binary: &Path, folder: TempDir, settings: &[Setting<'_>]) -> Outcome<Self> {
        let mut command = Command::new(binary);
        command.args(["--json", "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(folder.path()).args(["--token-lifetime", "3600s"]);
        for limit in LIMITS {
            command.args([format!("--rate-limit-{limit}").as_str(), UNLIMITED]);
        }
        for (flag, value) in settings {
            command.args([format!("--{flag}").as_str(), value]);
        }
        let process = Process::start(&mut command, folder.path()).or_fail(|| "novantra".to_owned())?;
        let database = settings.iter().find(|(flag, _)| *flag == DATABASE_URL).map(|(_, url)| (*url).to_owned());
        Ok(Self { process, binary: binary.to_owned(), folder, database })
    }

    /// Stops it and hands its data over.
    pub(crate) fn stop(self) -> Outcome<TempDir> {
        self.process.stop()?;
        Ok(self.folder)
    }

    pub(crate) fn host(&self) -> Outcome<SocketAddr> {
        self.process.address("listen").or_fail(|| "the server did not say where it listens".to_owned())
    }

    pub(crate) fn admin(&self) -> Outcome<SocketAddr> {
        self.process.address("admin_listen").or_fail(|| "the server did not say where its probes are".to_owned())
    }

    /// Makes a service account that may do what benchmarks do.
    pub(crate) fn account(&self, name: &str) -> Outcome<Account> {
        let mut command = Command::new(&self.binary);
        command.args(["--json", "service-account", "create", "--workspace", "default", "--name", name]);
        command.args(["--scope", "governance.findings:read", "--scope", "governance.findings:write"]);
        command.args(["--scope", "webhooks:manage"]);
        command.arg("--data-dir").arg(self.folder.path());
        if let Some(url) = &self.database {
            command.args([format!("--{DATABASE_URL}"), url.clone()]);
        }
        let output = alone(&mut command, self.folder.path()).output()?;
        if !output.status.success() {
            return Err(Failure::new(String::from_utf8_lossy(&output.stderr)));
        }
        let made: Value = serde_json::from_slice(&output.stdout)?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).or_fail(|| format!("no {name} in {made}"));
        Ok(Account { client_id: text("client_id")?, client_secret: text("client_secret")? })
    }

    /// A token for the account.
    pub(crate) fn token(&self, account: &Account) -> Outcome<String> {
        let answer = call(self.host()?, &account.token_request())?.expect(200)?.json()?;
        answer["access_token"].as_str().map(str::to_owned).or_fail(|| "no token in the answer".to_owned())
    }

    /// How many audit entries wait to be sealed.
    fn unsealed(&self) -> Outcome<u64> {
        let metrics = call(self.admin()?, &Request::get("/metrics"))?.expect(200)?.body;
        gauge(&metrics, "novantra_audit_unsealed_entries").or_fail(|| "no such figure in the metrics".to_owned())
    }
}

impl Subject for Novantra {
    fn process(&self) -> &Process {
        &self.process
    }

    /// Waits for the sealer, whose work is part of every call.
    fn settle(&self) -> Outcome<()> {
        pause::until("all is sealed", SEALED_WITHIN, SEALED_EVERY, || Ok((self.unsealed()? == 0).then_some(())))
    }
}

impl Account {
    /// What gets it a token.
    pub(crate) fn token_request(&self) -> Request {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        });
        Request::post("/api/v1/auth/token", body.to_string())
    }
}

/// A whole figure of Prometheus' text format, one without labels.
fn gauge(metrics: &str, name: &str) -> Option<u64> {
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_found_by_its_whole_name() {
        let text = "# HELP waiting That wait.\n# TYPE waiting gauge\nwaiting_too 9\nwaiting 7\n";
        assert_eq!(gauge(text, "waiting"), Some(7));
        assert_eq!(gauge(text, "wait"), None);
    }
}
