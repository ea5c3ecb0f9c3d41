//! The sections of the benchmark.

mod batch;
mod footprint;
mod pages;
mod parts;
mod plain;
mod postgres;
mod reads;
mod streams;
mod tokens;
mod webhooks;

use std::{
    cell::OnceCell,
    env,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Context, Outcome},
    options::Options,
    report::Table,
    servers::DataSet,
};

/// A section of the benchmark, which can be selected by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Section {
    /// A get by id and a page of 50, against a bare axum handler.
    Reads,
    /// A page of 50 at any depth and in collections of any size.
    Pages,
    /// Token calls, good and bad, against a bare axum handler.
    Tokens,
    /// Batch import, against plain prepared statements.
    Batch,
    /// Memory, time until ready, and size of the binary.
    Footprint,
    /// Reads and writes over PostgreSQL, against pgbench.
    Postgres,
    /// Reads over PostgreSQL at any depth and in collections of any size.
    PostgresPages,
    /// A whole collection in one stream, against reading all its pages.
    Streams,
    /// A whole collection in one stream over PostgreSQL, against reading all its pages.
    PostgresStreams,
    /// Webhook deliveries over PostgreSQL, against a plain loop that signs and posts.
    PostgresWebhooks,
    /// Webhook deliveries beside receivers that never respond.
    PostgresIsolation,
}

impl Section {
    pub(crate) const ALL: &[Self] = &[
        Self::Reads,
        Self::Pages,
        Self::Tokens,
        Self::Batch,
        Self::Footprint,
        Self::Postgres,
        Self::PostgresPages,
        Self::Streams,
        Self::PostgresStreams,
        Self::PostgresWebhooks,
        Self::PostgresIsolation,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Reads => "a get by id and a page of 50",
            Self::Pages => "pages by depth and size of the collection",
            Self::Tokens => "token calls",
            Self::Batch => "batch import of findings",
            Self::Footprint => "memory, start and size",
            Self::Postgres => "reads and writes over PostgreSQL",
            Self::PostgresPages => "reads over PostgreSQL by depth and size of the collection",
            Self::Streams => "a whole collection in one stream",
            Self::PostgresStreams => "a whole collection in one stream over PostgreSQL",
            Self::PostgresWebhooks => "webhook deliveries over PostgreSQL",
            Self::PostgresIsolation => "webhook deliveries beside receivers that never respond",
        }
    }

    pub(crate) fn measure(self, bench: &BenchContext) -> Outcome<Table> {
        match self {
            Self::Reads => reads::measure(bench),
            Self::Pages => pages::measure(bench),
            Self::Tokens => tokens::measure(bench),
            Self::Batch => batch::measure(bench),
            Self::Footprint => footprint::measure(bench),
            Self::Postgres => postgres::measure(bench),
            Self::PostgresPages => postgres::flat::measure(bench),
            Self::Streams => streams::measure(bench),
            Self::PostgresStreams => streams::measure_postgres(bench),
            Self::PostgresWebhooks => webhooks::measure(bench),
            Self::PostgresIsolation => webhooks::isolation::measure(bench),
        }
    }
}

/// The programs and data sets that the sections share.
pub(crate) struct BenchContext {
    binary: PathBuf,
    folder: PathBuf,
    postgres: Option<(String, PathBuf)>,
    empty: OnceCell<DataSet>,
    small: OnceCell<DataSet>,
    large: OnceCell<DataSet>,
}

/// The number of findings in the small data set.
const SMALL: usize = 10_000;
/// The number of findings in the large data set.
const LARGE: usize = 100_000;

impl BenchContext {
    pub(crate) fn new(options: &Options) -> Outcome<Self> {
        let beside = || Ok::<_, std::io::Error>(env::current_exe()?.with_file_name("novantra"));
        let binary = options.server.clone().map_or_else(beside, Ok)?;
        let binary =
            binary.canonicalize().context(|| format!("no server at {}: build it with --release", binary.display()))?;
        let folder = options.folder.clone().unwrap_or_else(env::temp_dir).canonicalize()?;
        let postgres = options.postgres.clone().zip(options.postgres_programs.clone());
        Ok(Self { binary, folder, postgres, empty: OnceCell::new(), small: OnceCell::new(), large: OnceCell::new() })
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the URL of PostgreSQL and the folder of its programs.
    pub(crate) fn postgres(&self) -> Outcome<(&str, &Path)> {
        let (url, programs) = self.postgres.as_ref().context(|| {
            "this section needs --postgres and --postgres-programs; `cargo xtask bench` starts a server and sets both"
                .to_owned()
        })?;
        Ok((url, programs))
    }

    /// Returns a data set without findings.
    pub(crate) fn empty(&self) -> Outcome<&DataSet> {
        get_or_create(&self.empty, || DataSet::empty(&self.binary, &self.folder))
    }

    /// Returns the small data set.
    pub(crate) fn small(&self) -> Outcome<&DataSet> {
        get_or_create(&self.small, || self.empty()?.with_findings(SMALL))
    }

    /// Returns the large data set.
    pub(crate) fn large(&self) -> Outcome<&DataSet> {
        get_or_create(&self.large, || self.small()?.with_findings(LARGE))
    }
}

/// Returns the value of the cell, creating it on first use.
fn get_or_create<T>(cell: &OnceCell<T>, create: impl FnOnce() -> Outcome<T>) -> Outcome<&T> {
    if cell.get().is_none() {
        drop(cell.set(create()?));
    }
    cell.get().context(|| "the value was not created".to_owned())
}
