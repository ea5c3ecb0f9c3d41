//! `novantra audit …`

mod export;
mod file;
mod keys;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{cli::CommandContext, failure::Failure};

pub(crate) use file::verify_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify the audit log and report the first entry that was changed after it was sealed.
    #[command(
        after_help = "Examples:\n  novantra audit verify\n  novantra audit verify --workspace default --checkpoint kept.json\n  novantra audit verify --file export.jsonl --public-key key.pem"
    )]
    Verify(Verify),
    /// Write the sealed entries and checkpoints of a workspace to stdout as JSON lines, in the order of the chain.
    #[command(after_help = "Example:\n  novantra audit export --workspace default > export.jsonl")]
    Export(WorkspaceArgs),
    /// Print the public key of the checkpoint signatures, with which others can verify exports.
    #[command(after_help = "Example:\n  novantra audit public-key > key.pem")]
    PublicKey,
    /// Print the latest checkpoint of a workspace. Store it elsewhere for verify --checkpoint.
    #[command(after_help = "Example:\n  novantra audit checkpoint --workspace default > kept.json")]
    Checkpoint(WorkspaceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Verify the audit log of this workspace only.
    #[arg(long, value_name = "SLUG", conflicts_with = "file")]
    workspace: Option<String>,
    /// A file with checkpoints stored elsewhere, one JSON object a line. The log must contain each of them.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Verify this export instead of the database.
    #[arg(long, value_name = "EXPORT", requires = "public_key")]
    pub(crate) file: Option<PathBuf>,
    /// The public key of the checkpoint signatures, as `audit public-key` prints it.
    #[arg(long, value_name = "FILE", requires = "file")]
    public_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct WorkspaceArgs {
    /// The workspace, or `-` for the installation's own log, which has the requests without an authenticated account.
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true)]
    workspace: String,
}

impl Audit {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(context).await,
            Self::Export(args) => export::export(context, &args.workspace).await,
            Self::PublicKey => keys::public_key(context).await,
            Self::Checkpoint(args) => keys::checkpoint(context, &args.workspace).await,
        }
    }
}
