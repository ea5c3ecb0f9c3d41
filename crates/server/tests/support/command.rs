//! An installation, and the command line over it.

use std::{
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Credentials, Database, eventually, postgres::Fresh};

/// An installation in a folder that is removed with the last of its users.
#[derive(Clone)]
pub(crate) struct Installation {
    folder: Arc<TempDir>,
    /// Where its records are, if not in the folder.
    postgres: Option<Arc<Postgres>>,
}

struct Postgres {
    url: String,
    _fresh: Option<Fresh>,
}

/// A command that has ended.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    /// One that has SQLite in its folder.
    pub(crate) fn new() -> Self {
        Self { folder: Arc::new(tempfile::tempdir().expect("a folder")), postgres: None }
    }

    /// One over a PostgreSQL database of its own.
    pub(crate) async fn on_postgres() -> Self {
        let fresh = Fresh::make().await;
        Self { postgres: Some(Arc::new(Postgres { url: fresh.url(), _fresh: Some(fresh) })), ..Self::new() }
    }

    /// One over the PostgreSQL database at this URL.
    pub(crate) fn at(url: &str) -> Self {
        Self { postgres: Some(Arc::new(Postgres { url: url.to_owned(), _fresh: None })), ..Self::new() }
    }

    /// Where its database is.
    pub(crate) fn database_url(&self) -> String {
        match &self.postgres {
            Some(postgres) => postgres.url.clone(),
            None => format!("sqlite:{}", self.folder().join("data/novantra.db").display()),
        }
    }

    /// Its database.
    pub(crate) async fn database(&self) -> Database {
        Database::at(&self.database_url()).await
    }

    /// Gives it the master key of another.
    pub(crate) fn take_key_of(&self, other: &Self) {
        std::fs::create_dir_all(self.folder().join("data")).expect("a folder");
        let key = |of: &Self| of.folder().join("data/master.key");
        std::fs::copy(key(other), key(self)).expect("a key");
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program, for this installation and with no settings but those of the test.
    pub(crate) fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_novantra"));
        let foreign =
            std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("NOVANTRA_"));
        foreign.for_each(|name| {
            program.env_remove(name);
        });
        program.current_dir(self.folder()).env("NOVANTRA_DATA_DIR", self.folder().join("data")).stdin(Stdio::null());
        if let Some(postgres) = &self.postgres {
            program.env("NOVANTRA_DATABASE_URL", &postgres.url);
        }
        program
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.program().args(arguments).output().expect("the program starts"))
    }

    /// Runs a command that has to succeed, and reads what it says with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert!(ran.status.success(), "{arguments:?} failed: {}", ran.stderr);
        serde_json::from_str(&ran.stdout).expect("one JSON document")
    }

    /// Waits until every audit entry is sealed.
    pub(crate) async fn sealed(&self) {
        let database = self.database().await;
        eventually("everything is sealed", async || {
            let unsealed = database.cell("SELECT count(*) FROM audit_waiting").await;
            (unsealed == "0").then_some(())
        })
        .await;
    }

    /// Makes a service account in the workspace `default`.
    pub(crate) fn account(&self, name: &str, scopes: &[&str]) -> Credentials {
        let mut arguments = vec!["service-account", "create", "--workspace", "default", "--name", name];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        Credentials::of(&self.json(&arguments))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
