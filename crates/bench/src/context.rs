//! The programs and data sets that the sections share.

use std::{
    cell::OnceCell,
    env,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Context, Outcome},
    servers::DataSet,
};

/// The programs to use, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The server's binary; defaults to `novantra` beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Another build of the server, usually an earlier one: its reads over PostgreSQL are measured in the same rounds, and
    /// its audit log is converted.
    #[arg(long, value_name = "FILE")]
    compared: Option<PathBuf>,
    /// The folder for databases during the run, which determines the disk that is measured; defaults to the system's
    /// temporary folder.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// A PostgreSQL server to create databases in. Its `log_line_prefix` must be `@`.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// The number of records of large imports and of large collections of every register.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..))]
    records: u32,
    /// The folder of PostgreSQL's programs.
    #[arg(long, value_name = "FOLDER", requires = "postgres")]
    postgres_programs: Option<PathBuf>,
}

impl Programs {
    /// Whether another build is given.
    pub(crate) fn has_other_build(&self) -> bool {
        self.compared.is_some()
    }
}

/// The programs and data sets that the sections share.
pub(crate) struct BenchContext {
    binary: PathBuf,
    compared: Option<PathBuf>,
    folder: PathBuf,
    records: usize,
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
    pub(crate) fn new(programs: &Programs) -> Outcome<Self> {
        let beside = || Ok::<_, std::io::Error>(env::current_exe()?.with_file_name("novantra"));
        let binary = programs.server.clone().map_or_else(beside, Ok)?;
        let binary =
            binary.canonicalize().context(|| format!("no server at {}: build it with --release", binary.display()))?;
        let compared = programs
            .compared
            .as_ref()
            .map(|program| program.canonicalize().context(|| format!("no server to compare at {}", program.display())));
        let compared = compared.transpose()?;
        let folder = programs.folder.clone().unwrap_or_else(env::temp_dir).canonicalize()?;
        let postgres = programs.postgres.clone().zip(programs.postgres_programs.clone());
        let records = usize::try_from(programs.records)?;
        let (empty, small, large) = Default::default();
        Ok(Self { binary, compared, folder, records, postgres, empty, small, large })
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Returns the other build of the server.
    pub(crate) fn compared(&self) -> Option<&Path> {
        self.compared.as_deref()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the number of records of large imports and collections.
    pub(crate) fn records(&self) -> usize {
        self.records
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
