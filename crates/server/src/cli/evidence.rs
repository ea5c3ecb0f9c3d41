//! `novantra evidence …`

mod decide;
mod download;
mod file_names;
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
    /// Download an attachment, or all attachments of a claim, to read them before a review.
    ///
    /// The SHA-256 of each file is verified before it is written, and the download is a part of the custody of the claim.
    #[command(
        after_help = "Examples:\n  novantra evidence download backup-restore-test-2026-05 --workspace default --output review/\n  novantra evidence download evatt_01KSFQX5Y800000000000000002 --workspace default --output report.csv"
    )]
    Download(download::Download),
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
    /// Verify claims, attachments and their bytes against the audit log.
    ///
    /// Reads all bytes, compares every claim and every attachment with the entries that the audit log has of it, and names
    /// each that is missing or was changed. The exit status is 1 if there is any. Together with `novantra audit verify` it
    /// proves that the evidence is what was uploaded, claimed and reviewed.
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
            Self::Download(download) => download.run(context).await,
            Self::Approve(review) => review.approve(context).await,
            Self::Reject(review) => review.reject(context).await,
            Self::Withdraw(withdraw) => withdraw.run(context).await,
            Self::Verify(verify) => verify.run(context).await,
            Self::Usage(usage) => usage.run(context).await,
        }
    }
}
