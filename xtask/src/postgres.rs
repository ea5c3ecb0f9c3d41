//! A PostgreSQL for the tests: the one that is named, else one of our own that is thrown away afterwards.

mod programs;

use std::path::PathBuf;

use postgres_cluster::{Cluster, FOR_TESTS};

use crate::Outcome;

/// As safe as in production, with a log that benchmarks read statements from.
const FOR_BENCHMARKS: &[&str] = &[
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "logging_collector=on",
    "log_line_prefix=@",
];

/// Where the tests find PostgreSQL.
pub(crate) enum Database {
    /// Somebody else keeps it.
    Named(String),
    /// Ours, gone when this is dropped.
    Own(Box<Cluster>),
}

impl Database {
    /// PostgreSQL's programs are needed even where it is named: some tests stop and crash a server of their own.
    pub(crate) fn for_tests() -> Outcome<Self> {
        let programs = programs::find_or_install()?;
        if let Ok(url) = std::env::var("NOVANTRA_TEST_POSTGRES_URL") {
            return Ok(Self::Named(url));
        }
        println!("starting a throw-away PostgreSQL from {}", programs.display());
        Ok(Self::Own(Box::new(Cluster::start(&programs, FOR_TESTS)?)))
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Named(url) => url,
            Self::Own(cluster) => cluster.url(),
        }
    }
}

/// One to measure on, and the folder of its programs.
pub(crate) fn for_benchmarks() -> Outcome<(Cluster, PathBuf)> {
    let programs = programs::find_or_install()?;
    Ok((Cluster::start(&programs, FOR_BENCHMARKS)?, programs))
}
