//! The server that a guide is run against: `novantra serve --demo`, on ports of its own.

use std::{
    env,
    ffi::OsString,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::support::Installation;

const NOVANTRA: &str = env!("CARGO_BIN_EXE_novantra");

/// The account whose credentials a reader of the guides has.
const READER: &str = "mirror";

pub(crate) struct Demo {
    server: Child,
    /// Where the demo puts its folder, and the guide its files.
    installation: Installation,
    started: Value,
}

impl Demo {
    pub(crate) fn start() -> Self {
        let installation = Installation::new();
        let mut server = installation
            .program()
            .args(["serve", "--demo", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--log-level", "warn"])
            .env("TMPDIR", installation.folder())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started = serde_json::from_str(&line).unwrap_or_else(|error| panic!("the demo printed {line:?}: {error}"));
        Self { server, installation, started }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.installation.folder()
    }

    /// What a reader has set before they begin: where the server is, who they are, and where commands are found.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let accounts = self.started["service_accounts"].as_array().unwrap();
        let reader = accounts.iter().find(|account| account["name"] == READER).unwrap();
        let text = |value: &Value| OsString::from(value.as_str().unwrap());
        vec![
            ("BASE", text(&self.started["listen"])),
            ("ADMIN", text(&self.started["admin_listen"])),
            ("CLIENT_ID", text(&reader["client_id"])),
            ("CLIENT_SECRET", text(&reader["client_secret"])),
            ("TMPDIR", self.folder().into()),
            ("PATH", path()),
        ]
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It goes with its folder, so there is nothing it would have to finish.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn path() -> OsString {
    let novantra = Path::new(NOVANTRA).parent().map(PathBuf::from);
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths(novantra.into_iter().chain(env::split_paths(&others))).unwrap()
}
