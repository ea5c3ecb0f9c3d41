//! `novantra submission …`

use api_v1::PayloadRenderer;
use clap::Subcommand;
use registers::SubmissionPackage;
use submissions::{PackageCommand, prepare_package};

use super::record::{ChangeArgs, ListArgs, RecordArgs};
use crate::{cli::CommandContext, failure::Failure, operations::CommandRecord};

impl CommandRecord for SubmissionPackage {
    const COMMANDS: &'static str = "submission package";
    const LISTED: &'static [&'static str] = &["key", "status", "due_at", "title"];
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubmissionCommands {
    /// List submission packages, and move them from draft to ready.
    #[command(subcommand)]
    Package(PackageCommands),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommands {
    /// List the newest packages.
    #[command(after_help = "Example:\n  novantra submission package list --workspace default --status draft,in_review")]
    List(ListArgs),
    /// Show one package.
    #[command(after_help = "Example:\n  novantra submission package show call-report-2026-q2 --workspace default")]
    Show(RecordArgs),
    /// Hand a draft over to its reviewers.
    #[command(
        after_help = "Example:\n  novantra submission package start-review call-report-2026-q2 --workspace default"
    )]
    StartReview(ChangeArgs),
    /// Approve a package in review, so that it can be submitted.
    #[command(
        after_help = "Example:\n  novantra submission package approve call-report-2026-q2 --workspace default \\\n    --reason \"Schedules agree with the general ledger\""
    )]
    Approve(ChangeArgs),
    /// Return a package that is in review or ready to its authors, as a draft.
    #[command(
        after_help = "Example:\n  novantra submission package return call-report-2026-q2 --workspace default --reason \"Schedule A is missing\""
    )]
    Return(ChangeArgs),
    /// Keep a package for the record only. It can be neither changed nor submitted any more.
    #[command(after_help = "Example:\n  novantra submission package archive call-report-2019-q2 --workspace default")]
    Archive(ChangeArgs),
}

impl SubmissionCommands {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        use PackageCommand::{Approve, Archive, Return, StartReview};
        let Self::Package(command) = self;
        match command {
            PackageCommands::List(list) => list.run::<SubmissionPackage>(context).await,
            PackageCommands::Show(target) => target.show::<SubmissionPackage>(context).await,
            PackageCommands::StartReview(target) => {
                prepare(context, "submission package start-review", target, StartReview).await
            }
            PackageCommands::Approve(target) => prepare(context, "submission package approve", target, Approve).await,
            PackageCommands::Return(target) => prepare(context, "submission package return", target, Return).await,
            PackageCommands::Archive(target) => prepare(context, "submission package archive", target, Archive).await,
        }
    }
}

async fn prepare(
    context: &CommandContext,
    name: &'static str,
    target: &ChangeArgs,
    command: PackageCommand,
) -> Result<(), Failure> {
    target
        .change(context, name, |write, at, package| prepare_package(write, &PayloadRenderer, at, package, command))
        .await
}
