//! `novantra submission …`

use api_v1::PayloadRenderer;
use clap::{Args, Subcommand};
use kernel::{Stored, WriteContext};
use registers::SubmissionPackage;
use submissions::{PackageCommand, SubmissionPackageStatus, prepare_package};

use super::record::{ChangeArgs, DueDates, ListArgs, RecordArgs};
use crate::{cli::CommandContext, failure::Failure, operations::CommandRecord};

impl CommandRecord for SubmissionPackage {
    const COMMANDS: &'static str = "submission package";
    const LISTED: &'static [&'static str] = &["key", "status", "due_at", "title"];
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubmissionCommands {
    /// List submission packages, move them from draft to ready, and archive them.
    #[command(subcommand)]
    Package(PackageCommands),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommands {
    /// List the newest packages, or those that are due.
    #[command(
        after_help = "Examples:\n  novantra submission package list --workspace default --status draft,in_review\n  novantra submission package list --workspace default --overdue"
    )]
    List(PackageList),
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
    /// Keep a package for the record only, for good. It can be neither changed nor submitted any more, and nothing that its
    /// recipient answers can be recorded but comments.
    #[command(after_help = "Example:\n  novantra submission package archive call-report-2019-q2 --workspace default")]
    Archive(ArchivePackage),
}

#[derive(Debug, Args)]
pub(crate) struct PackageList {
    #[command(flatten)]
    list: ListArgs,
    /// List soonest due first, and packages without a due date last.
    #[arg(long)]
    by_due_date: bool,
    /// List only packages that are past their due date and are to be submitted, for the first time or after a rejection,
    /// soonest due first.
    #[arg(long)]
    overdue: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ArchivePackage {
    #[command(flatten)]
    target: ChangeArgs,
    /// Archive the package although its recipient has not answered yet.
    #[arg(long)]
    yes: bool,
}

impl SubmissionCommands {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        use PackageCommand::{Approve, Archive, Return, StartReview};
        let Self::Package(command) = self;
        match command {
            PackageCommands::List(list) => list.run(context).await,
            PackageCommands::Show(target) => target.show::<SubmissionPackage>(context).await,
            PackageCommands::StartReview(target) => {
                prepare(context, "submission package start-review", target, StartReview).await
            }
            PackageCommands::Approve(target) => prepare(context, "submission package approve", target, Approve).await,
            PackageCommands::Return(target) => prepare(context, "submission package return", target, Return).await,
            PackageCommands::Archive(archive) => {
                let yes = archive.yes;
                let is_confirmed = move |status| yes || !awaits_answer(status);
                prepare_if(context, "submission package archive", &archive.target, Archive, is_confirmed).await
            }
        }
    }
}

impl PackageList {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        if !self.overdue && !self.by_due_date {
            return self.list.run::<SubmissionPackage>(context).await;
        }
        let dates = DueDates {
            due_at: |package: &SubmissionPackage| package.due_at,
            is_listed: if self.overdue {
                |package, now| package.status.awaits_submission() && package.due_at.is_some_and(|due_at| due_at < now)
            } else {
                |_, _| true
            },
        };
        self.list.run_by_due_date(context, &dates).await
    }
}

/// Whether the recipient of a package with this status is expected to confirm or decide.
const fn awaits_answer(status: SubmissionPackageStatus) -> bool {
    use SubmissionPackageStatus::{Acknowledged, Submitted};
    matches!(status, Submitted | Acknowledged)
}

async fn prepare(
    context: &CommandContext,
    name: &'static str,
    target: &ChangeArgs,
    command: PackageCommand,
) -> Result<(), Failure> {
    prepare_if(context, name, target, command, |_| true).await
}

async fn prepare_if(
    context: &CommandContext,
    name: &'static str,
    target: &ChangeArgs,
    command: PackageCommand,
    is_confirmed: impl Fn(SubmissionPackageStatus) -> bool,
) -> Result<(), Failure> {
    let decide = |write: &WriteContext<'_>, at, package: &Stored<SubmissionPackage>| {
        let status = package.record.status;
        if is_confirmed(status) {
            return prepare_package(write, &PayloadRenderer, at, package, command).map_err(Failure::from);
        }
        Err(Failure::new(format!(
            "the package is {}: once it is archived, no answer of its recipient can be recorded, and \
             nothing takes it back. To archive it nevertheless, add --yes",
            status.name()
        )))
    };
    target.change(context, name, decide).await
}
