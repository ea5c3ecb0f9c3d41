//! The PostgreSQL server for the tests: the one in the environment, or else a throw-away one.

mod programs;

use std::path::PathBuf;

use postgres_cluster::{Cluster, TEST_SETTINGS};

use crate::Outcome;

/// Settings as durable as in production, with a log that benchmarks read statements from.
const BENCHMARK_SETTINGS: &[&str] = &[
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "logging_collector=on",
    "log_line_prefix=@",
];

/// The PostgreSQL server of the tests.
pub(crate) enum Database {
    /// A server that the user has set.
    External(String),
    /// A throw-away server, stopped and deleted when this is dropped.
    Own(Box<Cluster>),
}

impl Database {
    /// Finds or starts the server. PostgreSQL's programs are required in both cases: some tests stop and crash servers
    /// of their own.
    pub(crate) fn for_tests() -> Outcome<Self> {
        let programs = programs::find_or_install()?;
        if let Ok(url) = std::env::var("NOVANTRA_TEST_POSTGRES_URL") {
            return Ok(Self::External(url));
        }
        println!("starting a throw-away PostgreSQL from {}", programs.display());
        Ok(Self::Own(Box::new(Cluster::start(&programs, TEST_SETTINGS)?)))
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::External(url) => url,
            Self::Own(cluster) => cluster.url(),
        }
    }
}

/// Starts a cluster for benchmarks. Returns it with the folder of its programs.
pub(crate) fn for_benchmarks() -> Outcome<(Cluster, PathBuf)> {
    let programs = programs::find_or_install()?;
    Ok((Cluster::start(&programs, BENCHMARK_SETTINGS)?, programs))
}
