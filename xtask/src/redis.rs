//! The Redis server for the tests: the one in the environment, or else a throw-away one.

use std::{env, path::PathBuf, process::Command};

use crate::{
    Outcome, debian,
    watched_server::{WatchedServer, free_port},
};

/// The environment variable with the URL of a Redis server.
pub(crate) const URL_VARIABLE: &str = "NOVANTRA_TEST_REDIS_URL";

/// The programs that can be used; the first one found is.
const PROGRAMS: &[&str] = &["redis-server", "valkey-server"];

/// The server persists nothing, so there is no folder to clean up.
const OPTIONS: [&str; 6] = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];

/// The log line of both Redis and Valkey.
const READY: &str = "Ready to accept connections";

const MISSING: &str = "\
Redis 6 or newer, or Valkey, is required, but was not found. Install it, or set the URL of a server:
  sudo apt-get install --yes redis-server
  export NOVANTRA_TEST_REDIS_URL=redis://:password@host:port/database";

/// The Redis server of the tests.
pub(crate) enum Redis {
    /// A server that the user has set.
    External(String),
    /// A throw-away server, stopped when this is dropped.
    Own { url: String, _server: WatchedServer },
}

impl Redis {
    pub(crate) fn for_tests() -> Outcome<Self> {
        if let Ok(url) = env::var(URL_VARIABLE) {
            return Ok(Self::External(url));
        }
        let program = find_or_install()?;
        println!("starting a throw-away Redis from {}", program.display());
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string()]).args(OPTIONS);
        let server = WatchedServer::start("Redis", &command, READY)?;
        Ok(Self::Own { url: format!("redis://127.0.0.1:{port}"), _server: server })
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::External(url) | Self::Own { url, .. } => url,
        }
    }
}

fn find_or_install() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::install("redis-server")?;
    find().ok_or_else(|| MISSING.to_owned())
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut programs = PROGRAMS.iter().flat_map(|program| folders.iter().map(move |folder| folder.join(program)));
    programs.find(|program| program.is_file())
}
