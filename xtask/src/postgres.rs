//! A PostgreSQL for the tests: the one that is named, else one of our own that is thrown away afterwards.

mod cluster;
mod programs;

use std::path::PathBuf;

use cluster::{Cluster, FOR_BENCHMARKS, FOR_TESTS};

use crate::Outcome;

/// Where the tests find PostgreSQL.
pub(crate) enum Database {
    /// Somebody else keeps it.
    Named(String),
    /// Ours, gone when this is dropped.
    Own(Cluster),
}

impl Database {
    pub(crate) fn for_tests() -> Outcome<Self> {
        if let Ok(url) = std::env::var("NOVANTRA_TEST_POSTGRES_URL") {
            return Ok(Self::Named(url));
        }
        let programs = programs::find_or_install()?;
        println!("starting a throw-away PostgreSQL from {}", programs.display());
        Cluster::start(&programs, FOR_TESTS).map(Self::Own)
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
