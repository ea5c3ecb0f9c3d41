//! The server that a guide is run against, on free ports.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The account whose credentials a reader of the guides uses.
const READER: &str = "mirror";

/// The settings file for systemd, and what differs in it for an installation of a test.
const SETTINGS_FILE: &str = "docs/deploy/novantra.toml";
const FOLDERS: [&str; 2] = ["/var/lib/novantra", "/etc/novantra"];
const MASTER_KEY: &str = "etc/novantra/master.key";
const ADDRESSES: [(&str, &str); 2] = [("127.0.0.1:8080", "listen"), ("127.0.0.1:9090", "admin_listen")];

pub(crate) struct GuideServer {
    process: Child,
    /// The folder in which the server creates its files, and the guide its own.
    folder: TempDir,
    /// The variables of a reader.
    variables: Vec<(&'static str, OsString)>,
}

impl GuideServer {
    /// Starts the demo of this program. The reader has its URLs, and the credentials of an account.
    pub(crate) fn demo(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let addresses = ["--demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let (process, started) = start(program, folder.path(), &addresses);
        let accounts = started["service_accounts"].as_array().unwrap();
        let reader = accounts.iter().find(|account| account["name"] == READER).unwrap();
        let variables = vec![
            ("BASE", text(&started["listen"])),
            ("ADMIN", text(&started["admin_listen"])),
            ("CLIENT_ID", text(&reader["client_id"])),
            ("CLIENT_SECRET", text(&reader["client_secret"])),
        ];
        Self { process, folder, variables }
    }

    /// Creates an installation with a provided master key and the settings file for systemd, and starts its server. The
    /// reader is its user, with the same settings file.
    pub(crate) fn installed(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = fs::read_to_string(crate::root().join(SETTINGS_FILE)).unwrap();
        for original in FOLDERS {
            let replacement = folder.path().join(original.trim_start_matches('/'));
            fs::create_dir_all(&replacement).unwrap();
            fs::set_permissions(&replacement, fs::Permissions::from_mode(0o700)).unwrap();
            settings = settings.replace(original, &replacement.display().to_string());
        }
        let file = folder.path().join("novantra.toml");
        let free_ports =
            ADDRESSES.iter().fold(settings.clone(), |text, (address, _)| text.replace(address, "127.0.0.1:0"));
        fs::write(&file, free_ports).unwrap();
        let key = folder.path().join(MASTER_KEY);
        fs::write(&key, format!("{}=\n", "Q".repeat(43))).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
        let mut create = Command::new(program);
        let create = remove_settings(&mut create).args(["installation", "create", "--config"]).arg(&file);
        assert!(create.stdout(Stdio::null()).status().unwrap().success());
        assert_eq!(fs::read_to_string(&key).unwrap().len(), 45, "the key is the provided one");
        let (process, started) = start(program, folder.path(), &[]);
        for (address, name) in ADDRESSES {
            let url = started[name].as_str().unwrap();
            settings = settings.replace(address, url.trim_start_matches("http://"));
        }
        // The server has read the file. The reader's commands find the ports in it.
        fs::write(&file, settings).unwrap();
        let variables = vec![("NOVANTRA_CONFIG", file.into()), ("BACKUPS", folder.path().into())];
        Self { process, folder, variables }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment of a reader, with the search path of commands.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let others = env::var_os("PATH").unwrap_or_default();
        let path = [self.folder().join("bin")].into_iter().chain(env::split_paths(&others));
        let common = [("TMPDIR", self.folder().into()), ("PATH", env::join_paths(path).unwrap())];
        self.variables.iter().cloned().chain(common).collect()
    }
}

impl Drop for GuideServer {
    fn drop(&mut self) {
        // Its folder is deleted as well, so a graceful shutdown is not needed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the program in the folder; returns it with the JSON document that it printed when it was ready.
fn start(program: &Path, folder: &Path, arguments: &[&str]) -> (Child, Value) {
    // The program gets the name that the guides use, whatever it was built as.
    fs::create_dir(folder.join("bin")).unwrap();
    symlink(program, folder.join("bin/novantra")).unwrap();
    let mut process = remove_settings(&mut Command::new(program))
        .args(["serve", "--json", "--log-level", "warn"])
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let started = serde_json::from_str(&line).unwrap_or_else(|error| panic!("the server printed {line:?}: {error}"));
    (process, started)
}

/// Removes the program's settings of this machine from the environment of a command.
pub(crate) fn remove_settings(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOVANTRA_")) {
        command.env_remove(name);
    }
    command
}

fn text(value: &Value) -> OsString {
    OsString::from(value.as_str().unwrap())
}
