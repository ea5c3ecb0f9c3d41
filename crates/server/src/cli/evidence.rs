//! `novantra evidence …`

mod decide;
mod usage;
mod verify;
mod view;

use clap::Subcommand;

use crate::{cli::CommandContext, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// List evidence claims, newest first.
    #[command(after_help = "Example:\n  novantra evidence list --workspace default --status pending")]
    List(view::List),
    /// Show an evidence claim with its attachments.
    #[command(after_help = "Example:\n  novantra evidence show backup-restore-test-2026-05 --workspace default")]
    Show(view::Show),
    /// Approve a pending claim.
    #[command(
        after_help = "Example:\n  novantra evidence approve backup-restore-test-2026-05 --workspace default --note \"Matches the job log\""
    )]
    Approve(decide::Review),
    /// Reject a pending claim.
    #[command(
        after_help = "Example:\n  novantra evidence reject backup-restore-test-2026-05 --workspace default --note \"The report is of another system\""
    )]
    Reject(decide::Review),
    /// Withdraw a pending or approved claim. It can't be undone; new evidence is a new claim.
    #[command(
        after_help = "Example:\n  novantra evidence withdraw backup-restore-test-2026-05 --workspace default --reason \"The test was repeated\""
    )]
    Withdraw(decide::Withdraw),
    /// Verify the bytes of attachments against their records and the audit log.
    ///
    /// Reads all of them, and names each that is missing or was altered. The exit status is 1 if there is any.
    #[command(after_help = "Example:\n  novantra evidence verify --workspace default")]
    Verify(verify::Verify),
    /// Show how much the attachments of a workspace take up, and of how much.
    ///
    /// Equal attachments count once. Those that an account has uploaded and not linked to a claim are listed by account.
    #[command(after_help = "Example:\n  novantra evidence usage --workspace default")]
    Usage(usage::Usage),
}

impl Evidence {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Approve(review) => review.approve(context).await,
            Self::Reject(review) => review.reject(context).await,
            Self::Withdraw(withdraw) => withdraw.run(context).await,
            Self::Verify(verify) => verify.run(context).await,
            Self::Usage(usage) => usage.run(context).await,
        }
    }
}
