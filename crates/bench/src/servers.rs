//! The measured programs, each in a process of its own.

mod finished;
mod novantra;
mod postgres;
mod process;
mod procfs;
mod stock;
mod usage;
mod visitor;

pub(crate) use novantra::{Account, DATABASE, Novantra, Setting};
pub(crate) use postgres::{Postgres, Script};
pub(crate) use process::Process;
pub(crate) use stock::{DataSet, create_folder};
pub(crate) use usage::Usage;
pub(crate) use visitor::Visitor;

use crate::{
    failure::{Context, Outcome},
    http::HttpResponse,
};

/// A program whose CPU time is measured.
pub(crate) trait MeasuredProgram {
    fn process(&self) -> &Process;
    /// Waits until the program has finished the work that follows its responses.
    fn wait_until_idle(&self) -> Outcome<()>;
}

/// A bare axum program that returns fixed responses.
pub(crate) struct BareServer {
    process: Process,
    // Deletes the file when dropped.
    _folder: tempfile::TempDir,
}

impl BareServer {
    pub(crate) fn with_responses<'a>(
        responses: impl IntoIterator<Item = (&'a str, &'a HttpResponse)>,
    ) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("responses.json");
        std::fs::write(&file, crate::bare::canned_responses(responses).to_string())?;
        let process = Process::start(Process::bare()?.arg("--answers").arg(file), folder.path())?;
        Ok(Self { process, _folder: folder })
    }

    pub(crate) fn host(&self) -> Outcome<std::net::SocketAddr> {
        self.process.address("listen").context(|| "the bare program did not print its address".to_owned())
    }
}

impl MeasuredProgram for BareServer {
    fn process(&self) -> &Process {
        &self.process
    }

    fn wait_until_idle(&self) -> Outcome<()> {
        Ok(())
    }
}
