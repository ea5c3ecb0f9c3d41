//! The command line over an installation's folder.

use std::{
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;

/// An installation in a folder that is removed with the last of its users.
#[derive(Clone)]
pub(crate) struct Installation {
    folder: Arc<TempDir>,
}

/// A command that has ended.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    pub(crate) fn new() -> Self {
        Self { folder: Arc::new(tempfile::tempdir().expect("a folder")) }
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
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
