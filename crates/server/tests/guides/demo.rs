//! The server that a guide is run against: `novantra serve --demo` on free ports.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The account whose credentials a reader of the guides uses.
const READER: &str = "mirror";

pub(crate) struct Demo {
    server: Child,
    /// The folder in which the demo creates its own, and the guide its files.
    folder: TempDir,
    started: Value,
}

impl Demo {
    /// Starts the demo of this program.
    pub(crate) fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The program gets the name that the guides use, whatever it was built as.
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(program, folder.path().join("bin/novantra")).unwrap();
        let mut server = remove_settings(&mut Command::new(program))
            .args(["serve", "--demo", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--log-level", "warn"])
            .current_dir(folder.path())
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started = serde_json::from_str(&line).unwrap_or_else(|error| panic!("the demo printed {line:?}: {error}"));
        Self { server, folder, started }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment of a reader: the URL of the server, the credentials, and the search path of commands.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let accounts = self.started["service_accounts"].as_array().unwrap();
        let reader = accounts.iter().find(|account| account["name"] == READER).unwrap();
        let text = |value: &Value| OsString::from(value.as_str().unwrap());
        let others = env::var_os("PATH").unwrap_or_default();
        let path = [self.folder().join("bin")].into_iter().chain(env::split_paths(&others));
        vec![
            ("BASE", text(&self.started["listen"])),
            ("ADMIN", text(&self.started["admin_listen"])),
            ("CLIENT_ID", text(&reader["client_id"])),
            ("CLIENT_SECRET", text(&reader["client_secret"])),
            ("TMPDIR", self.folder().into()),
            ("PATH", env::join_paths(path).unwrap()),
        ]
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Its folder is deleted as well, so a graceful shutdown is not needed.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Removes the program's settings of this machine from the environment of a command.
pub(crate) fn remove_settings(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOVANTRA_")) {
        command.env_remove(name);
    }
    command
}
