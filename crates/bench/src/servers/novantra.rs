//! The Novantra server.

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
        MeasuredProgram,
        finished::Finished,
        process::{Process, isolated},
    },
};

/// A limit that no benchmark reaches.
const UNLIMITED: &str = "4294967295";
const LIMITS: &[&str] =
    &["token-read", "token-write", "organization", "token-endpoint", "token-endpoint-address", "unauthenticated"];

/// The scopes that read the registers.
const REGISTER_SCOPES: &[&str] = &[
    "governance.controls:read",
    "governance.risks:read",
    "governance.assessments:read",
    "governance.exceptions:read",
    "governance.monitoring:read",
    "governance.indicators:read",
    "governance.submissions:read",
    "governance.frameworks:read",
    "assets:read",
    "party-engagements:read",
    "change-management:read",
    "vulnerability-management:read",
];

/// The maximum duration of sealing all audit entries.
const SEALING_TIMEOUT: Duration = Duration::from_secs(120);
/// The interval at which the metrics are polled: long enough that polling costs next to nothing.
const SEALING_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The SQLite file's name in the data folder.
pub(crate) const DATABASE: &str = "novantra.db";

/// The flag that sets another database.
const DATABASE_URL: &str = "database-url";

/// The flag that sets the lifetime of tokens, which otherwise outlive every benchmark.
const TOKEN_LIFETIME: &str = "token-lifetime";

/// A flag of the server and its value.
pub(crate) type Setting<'a> = (&'a str, &'a str);

/// A running server, on a SQLite file of its own unless its settings have another database.
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
    /// Starts the server on the data in `folder`, which is deleted when it is dropped.
    pub(crate) fn start(binary: &Path, folder: TempDir, settings: &[Setting<'_>]) -> Outcome<Self> {
        let mut command = Command::new(binary);
        command.args(["--json", "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(folder.path());
        if !settings.iter().any(|(flag, _)| *flag == TOKEN_LIFETIME) {
            command.args([&format!("--{TOKEN_LIFETIME}"), "3600s"]);
        }
        for limit in LIMITS {
            command.args([format!("--rate-limit-{limit}").as_str(), UNLIMITED]);
        }
        for (flag, value) in settings {
            command.args([format!("--{flag}").as_str(), value]);
        }
        let process = Process::start(&mut command, folder.path()).context(|| "novantra".to_owned())?;
        let database = settings.iter().find(|(flag, _)| *flag == DATABASE_URL).map(|(_, url)| (*url).to_owned());
        Ok(Self { process, binary: binary.to_owned(), folder, database })
    }

    /// Stops the server and returns its data.
    pub(crate) fn stop(self) -> Outcome<TempDir> {
        self.process.stop()?;
        Ok(self.folder)
    }

    pub(crate) fn host(&self) -> Outcome<SocketAddr> {
        self.process.address("listen").context(|| "the server did not print its address".to_owned())
    }

    pub(crate) fn admin(&self) -> Outcome<SocketAddr> {
        self.process.address("admin_listen").context(|| "the server did not print its admin address".to_owned())
    }

    /// The program.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// The folder of the server's data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Disables a service account.
    pub(crate) fn disable_account(&self, account: &Account) -> Outcome<()> {
        let mut command = Command::new(&self.binary);
        command.args(["service-account", "disable", &account.client_id]);
        command.arg("--data-dir").arg(self.folder.path());
        let output = isolated(&mut command, self.folder.path()).output()?;
        if output.status.success() { Ok(()) } else { Err(Failure::new(String::from_utf8_lossy(&output.stderr))) }
    }

    /// Verifies the audit log of the workspace by the command. Returns what that took, and the number of entries.
    pub(crate) fn verify_audit_log(&self) -> Outcome<(Finished, u64)> {
        let mut command = Command::new(&self.binary);
        command.args(["--json", "audit", "verify", "--workspace", "default", "--data-dir"]).arg(self.folder.path());
        if let Some(url) = &self.database {
            command.args([format!("--{DATABASE_URL}"), url.clone()]);
        }
        let finished = Finished::of(&mut command, self.folder.path())?;
        let verified: Value = serde_json::from_str(&finished.output)?;
        let entries =
            verified["logs"][0]["entries"].as_u64().context(|| format!("no number of entries: {verified}"))?;
        Ok((finished, entries))
    }

    /// Creates a service account with the scopes that the benchmarks need.
    pub(crate) fn create_account(&self, name: &str) -> Outcome<Account> {
        let mut command = Command::new(&self.binary);
        command.args(["--json", "service-account", "create", "--workspace", "default", "--name", name]);
        command.args(["--scope", "governance.findings:read", "--scope", "governance.findings:write"]);
        command.args(["--scope", "webhooks:manage", "--scope", "audit:read"]);
        for scope in REGISTER_SCOPES {
            command.args(["--scope", scope]);
        }
        command.args(["--scope", "governance.evidence:read", "--scope", "governance.evidence:write"]);
        command.arg("--data-dir").arg(self.folder.path());
        if let Some(url) = &self.database {
            command.args([format!("--{DATABASE_URL}"), url.clone()]);
        }
        let output = isolated(&mut command, self.folder.path()).output()?;
        if !output.status.success() {
            return Err(Failure::new(String::from_utf8_lossy(&output.stderr)));
        }
        let created: Value = serde_json::from_slice(&output.stdout)?;
        let text = |name: &str| created[name].as_str().map(str::to_owned).context(|| format!("no {name} in {created}"));
        Ok(Account { client_id: text("client_id")?, client_secret: text("client_secret")? })
    }

    /// Returns a token of the account.
    pub(crate) fn issue_token(&self, account: &Account) -> Outcome<String> {
        let response = call(self.host()?, &account.token_request())?.expect_status(200)?.json()?;
        response["access_token"].as_str().map(str::to_owned).context(|| "no token in the response".to_owned())
    }

    /// Returns how many audit entries are not sealed yet.
    fn unsealed(&self) -> Outcome<u64> {
        let metrics = call(self.admin()?, &Request::get("/metrics"))?.expect_status(200)?.body;
        parse_gauge(&metrics, "novantra_audit_unsealed_entries").context(|| "the metrics lack this gauge".to_owned())
    }
}

impl MeasuredProgram for Novantra {
    fn process(&self) -> &Process {
        &self.process
    }

    /// Waits for the sealer, whose work is part of every call's cost.
    fn wait_until_idle(&self) -> Outcome<()> {
        pause::poll_until("sealing to finish", SEALING_TIMEOUT, SEALING_POLL_INTERVAL, || {
            Ok((self.unsealed()? == 0).then_some(()))
        })
    }
}

impl Account {
    /// Returns the request that issues a token for it.
    pub(crate) fn token_request(&self) -> Request {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        });
        Request::post("/api/v1/auth/token", body.to_string())
    }
}

/// Returns an integer gauge without labels from Prometheus' text format.
fn parse_gauge(metrics: &str, name: &str) -> Option<u64> {
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_found_only_by_its_exact_name() {
        let text = "# HELP waiting Waiting.\n# TYPE waiting gauge\nwaiting_too 9\nwaiting 7\n";
        assert_eq!(parse_gauge(text, "waiting"), Some(7));
        assert_eq!(parse_gauge(text, "wait"), None);
    }
}
