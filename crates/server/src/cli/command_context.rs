//! The context in which commands run, and in which they change something as the audited operator.

use clap::Args;
use kernel::Reason;

use super::Output;
use crate::{
    compose::{Installation, OpenMode},
    failure::Failure,
    operations::{AuditSealer, Operator},
    settings::Settings,
};

/// The settings and the output of a command.
pub(crate) struct CommandContext {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
}

/// The argument with the reason of a change.
#[derive(Debug, Args)]
pub(crate) struct ReasonArg {
    /// The reason for the audit log, 10 to 1000 characters [default: the name of the command]
    #[arg(long)]
    reason: Option<String>,
}

impl CommandContext {
    /// Opens the installation, changes it with `work` as this command, and closes it.
    ///
    /// # Errors
    /// If the reason is invalid, the installation can't be opened, or `work` fails.
    pub(crate) async fn operate<T>(
        &self,
        command: &'static str,
        reason: &ReasonArg,
        work: impl AsyncFnOnce(&Operator) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        Operator::run(&self.settings, OpenMode::Command, command, reason.parse(command)?, work).await
    }

    /// Like [`Self::operate`], but initializes the installation first if it does not exist yet.
    ///
    /// # Errors
    /// Like [`Self::operate`].
    pub(crate) async fn initialize_and_operate<T>(
        &self,
        command: &'static str,
        reason: &ReasonArg,
        work: impl AsyncFnOnce(&Operator) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        Operator::run(&self.settings, OpenMode::Initialize, command, reason.parse(command)?, work).await
    }
}

/// Seals the audit entries of a command that changed the installation without opening it, unless a server does so.
pub(super) async fn seal(settings: &Settings) {
    let seal = async |installation: &Installation| Ok(AuditSealer::new(installation).seal_tail().await?);
    if let Err(failure) = Installation::with(settings, seal).await {
        tracing::warn!(%failure, "the change is stored, but its audit entry is not sealed yet: a server will seal it");
    }
}

impl ReasonArg {
    /// The reason of the argument, or the default.
    pub(super) fn parse(&self, command: &str) -> Result<Reason, Failure> {
        let reason = self.reason.clone().unwrap_or_else(|| format!("command line: {command}"));
        Reason::parse(&reason).map_err(|error| Failure::usage(format!("--reason {error}")))
    }
}
