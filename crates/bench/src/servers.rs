//! The measured programs, each in a process of its own.

mod novantra;
mod postgres;
mod process;
mod procfs;
mod stock;
mod usage;

pub(crate) use novantra::{Account, DATABASE, Novantra, Setting};
pub(crate) use postgres::{Postgres, Script};
pub(crate) use process::Process;
pub(crate) use stock::{Stock, fresh};
pub(crate) use usage::Usage;

use crate::{
    failure::{Context, Outcome},
    http::Answer,
};

/// A program whose CPU time is measured.
pub(crate) trait Subject {
    fn process(&self) -> &Process;
    /// Waits until the program has finished the work that follows its responses.
    fn settle(&self) -> Outcome<()>;
}

/// A bare axum program that returns fixed responses.
pub(crate) struct BareServer {
    process: Process,
    // Deletes the file when dropped.
    _folder: tempfile::TempDir,
}

impl BareServer {
    pub(crate) fn answering<'a>(responses: impl IntoIterator<Item = (&'a str, &'a Answer)>) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("responses.json");
        std::fs::write(&file, crate::bare::canned(responses).to_string())?;
        let process = Process::start(Process::bare()?.arg("--answers").arg(file), folder.path())?;
        Ok(Self { process, _folder: folder })
    }

    pub(crate) fn host(&self) -> Outcome<std::net::SocketAddr> {
        self.process.address("listen").or_fail(|| "the bare program did not print its address".to_owned())
    }
}

impl Subject for BareServer {
    fn process(&self) -> &Process {
        &self.process
    }

    fn settle(&self) -> Outcome<()> {
        Ok(())
    }
}
