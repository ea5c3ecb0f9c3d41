//! An installation, and its command line.

use std::{
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    sync::Arc,
};

use postgres_cluster::TestDatabase;
use serde_json::Value;
use tempfile::TempDir;

use super::{Credentials, Database, eventually};

/// The number of rows of audit entries that wait to be sealed. Some rows have no entries.
pub(crate) const UNSEALED: &str = "SELECT count(*) FROM audit_waiting WHERE entries <> 0";

/// An installation in a temporary folder, which is removed with its last user.
#[derive(Clone)]
pub(crate) struct Installation {
    folder: Arc<TempDir>,
    /// The PostgreSQL database, if the data is not in the folder.
    postgres: Option<Arc<Postgres>>,
}

struct Postgres {
    url: String,
    _database: Option<TestDatabase>,
}

/// The output and exit status of a command.
pub(crate) struct CommandOutput {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    /// An installation with SQLite in its folder.
    pub(crate) fn new() -> Self {
        Self { folder: Arc::new(tempfile::tempdir().expect("a folder")), postgres: None }
    }

    /// An installation on a PostgreSQL database of its own.
    pub(crate) async fn with_new_postgres() -> Self {
        let database = TestDatabase::create().await;
        Self { postgres: Some(Arc::new(Postgres { url: database.url(), _database: Some(database) })), ..Self::new() }
    }

    /// An installation on the PostgreSQL database with this URL.
    pub(crate) fn with_postgres(url: &str) -> Self {
        Self { postgres: Some(Arc::new(Postgres { url: url.to_owned(), _database: None })), ..Self::new() }
    }

    /// The URL of its database.
    pub(crate) fn database_url(&self) -> String {
        match &self.postgres {
            Some(postgres) => postgres.url.clone(),
            None => format!("sqlite:{}", self.folder().join("data/novantra.db").display()),
        }
    }

    /// A connection to its database.
    pub(crate) async fn database(&self) -> Database {
        Database::connect(&self.database_url()).await
    }

    /// Copies the master key of another installation.
    pub(crate) fn copy_master_key_from(&self, other: &Self) {
        std::fs::create_dir_all(self.folder().join("data")).expect("a folder");
        let key = |installation: &Self| installation.folder().join("data/master.key");
        std::fs::copy(key(other), key(self)).expect("a key");
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program, configured for this installation, with only the settings of the test.
    pub(crate) fn program(&self) -> Command {
        self.configure(Command::new(env!("CARGO_BIN_EXE_novantra")))
    }

    /// The program after shell commands in its process.
    pub(crate) fn program_after(&self, prelude: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{prelude}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_novantra")]);
        self.configure(shell)
    }

    fn configure(&self, mut program: Command) -> Command {
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

    /// Runs a command until it exits.
    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::from(self.program().args(arguments).output().expect("the program starts"))
    }

    /// Runs a command with `--json`, asserts that it succeeds, and returns its output.
    pub(crate) fn run_json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert!(ran.status.success(), "{arguments:?} failed: {}", ran.stderr);
        serde_json::from_str(&ran.stdout).expect("one JSON document")
    }

    /// Waits until every audit entry is sealed.
    pub(crate) async fn wait_until_sealed(&self) {
        let database = self.database().await;
        eventually("every audit entry is sealed", async || {
            let unsealed = database.cell(UNSEALED).await;
            (unsealed == "0").then_some(())
        })
        .await;
    }

    /// The sealed entries of the audit log of a workspace, oldest first.
    pub(crate) fn audit_entries(&self, workspace: &str) -> Vec<Value> {
        let exported = self.run(&["audit", "export", "--workspace", workspace]);
        assert!(exported.status.success(), "{}", exported.stderr);
        let lines = exported.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.filter_map(|mut line| line.get_mut("entry").map(Value::take)).collect()
    }

    /// Creates a service account in the workspace `default`.
    pub(crate) fn create_account(&self, name: &str, scopes: &[&str]) -> Credentials {
        let mut arguments = vec!["service-account", "create", "--workspace", "default", "--name", name];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        Credentials::from_json(&self.run_json(&arguments))
    }
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
