//! A Redis for the tests: the one that is named, else one of our own that is thrown away afterwards.

mod server;

use std::{env, path::PathBuf};

use server::Server;

use crate::{Outcome, debian};

/// How tests are told where it is.
pub(crate) const NAME: &str = "NOVANTRA_TEST_REDIS_URL";

/// Either will do; the first that is found is taken.
const PROGRAMS: &[&str] = &["redis-server", "valkey-server"];

const MISSING: &str = "\
Redis 6 or newer is needed, or Valkey, and none was found. One of these helps:
  sudo apt-get install --yes redis-server
  export NOVANTRA_TEST_REDIS_URL=redis://:password@host:port/database";

/// Where the tests find Redis.
pub(crate) enum Redis {
    /// Somebody else keeps it.
    Named(String),
    /// Ours, gone when this is dropped.
    Own(Server),
}

impl Redis {
    pub(crate) fn for_tests() -> Outcome<Self> {
        if let Ok(url) = env::var(NAME) {
            return Ok(Self::Named(url));
        }
        let program = find_or_install()?;
        println!("starting a throw-away Redis from {}", program.display());
        Server::start(&program).map(Self::Own)
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Named(url) => url,
            Self::Own(server) => server.url(),
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
