//! `novantra audit …`

mod export;
mod exported;
mod file;
mod keys;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{cli::Context, failure::Failure};

pub(crate) use file::verify_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Walk the audit log and name the first entry that is not what was sealed.
    #[command(
        after_help = "Examples:\n  novantra audit verify\n  novantra audit verify --workspace default --checkpoint kept.json\n  novantra audit verify --file export.jsonl --public-key key.pem"
    )]
    Verify(Verify),
    /// Write a workspace's sealed entries and checkpoints to stdout, as JSON lines in the order of the chain.
    #[command(after_help = "Example:\n  novantra audit export --workspace default > export.jsonl")]
    Export(OfWorkspace),
    /// Print the key that checkpoints are signed with, for those who verify without this installation.
    #[command(after_help = "Example:\n  novantra audit public-key > key.pem")]
    PublicKey,
    /// Print a workspace's latest checkpoint, to be kept elsewhere for `verify --checkpoint`.
    #[command(after_help = "Example:\n  novantra audit checkpoint --workspace default > kept.json")]
    Checkpoint(OfWorkspace),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Of this workspace only.
    #[arg(long, value_name = "SLUG", conflicts_with = "file")]
    workspace: Option<String>,
    /// Checkpoints that were kept elsewhere: the log must still lead to each. JSON, one a line.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Verify this export, with neither server nor database.
    #[arg(long, value_name = "EXPORT", requires = "public_key")]
    pub(crate) file: Option<PathBuf>,
    /// The key that checkpoints were signed with, as `audit public-key` prints it.
    #[arg(long, value_name = "FILE", requires = "file")]
    public_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct OfWorkspace {
    /// The workspace; `-` for the installation's own log, of calls that name no known account.
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true)]
    workspace: String,
}

impl Audit {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(context).await,
            Self::Export(of) => export::export(context, &of.workspace).await,
            Self::PublicKey => keys::public_key(context).await,
            Self::Checkpoint(of) => keys::checkpoint(context, &of.workspace).await,
        }
    }
}
