//! `novantra audit …`

mod archive;
mod archive_file;
mod continue_log;
mod export;
mod file;
mod kept_heads;
mod keys;
mod prove;
mod redact;
mod verify;
mod verify_report;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{CommandContext, ReasonArg},
    failure::Failure,
};

pub(crate) use file::verify_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify the audit log and report the first entry that was changed after it was sealed.
    #[command(
        after_help = "Examples:\n  novantra audit verify\n  novantra audit verify --workspace default --checkpoint kept.json\n  novantra audit verify --file export.jsonl --public-key key.pem\n  novantra audit verify --file archive/audit/org_*/*.nva --public-key keys.txt --checkpoint kept.note"
    )]
    Verify(Verify),
    /// Write the sealed entries and checkpoints of a workspace to stdout as JSON lines, in the order of the chain.
    #[command(after_help = "Example:\n  novantra audit export --workspace default > export.jsonl")]
    Export(WorkspaceArgs),
    /// Print the proof that an entry is in the audit log of a workspace, in the format tlog-proof of C2SP. Whoever has the
    /// entry, the proof and the verifier key of the log (public-key --note) can verify it without this installation.
    #[command(
        after_help = "Example:\n  novantra audit prove aud_01KSFQX5Y80000000000000006 --workspace default > entry.tlog-proof"
    )]
    Prove(Prove),
    /// Print the public key of the checkpoint signatures, with which others can verify exports, or the verifier key of a
    /// log, with which they can verify its notes and proofs.
    #[command(
        after_help = "Examples:\n  novantra audit public-key > key.pem\n  novantra audit public-key --note --workspace default > log.vkey"
    )]
    PublicKey(PublicKey),
    /// Print the latest checkpoint of a workspace. Store it elsewhere for verify --checkpoint.
    #[command(
        after_help = "Examples:\n  novantra audit checkpoint --workspace default > kept.json\n  novantra audit checkpoint --workspace default --note > kept.note\n  novantra audit checkpoint --workspace - --cosigned > cosigned.note"
    )]
    Checkpoint(CheckpointArgs),
    /// Move the entries that are old enough from the database to the archive now. Servers may run meanwhile: they do it by
    /// themselves every ten minutes.
    #[command(after_help = "Example:\n  novantra audit archive --audit-archive-after 30d")]
    Archive,
    /// Remove the content of one entry, for example because a court orders it. Its hash stays, so that the log verifies, and an
    /// entry of the log records the redaction. Servers may run meanwhile.
    #[command(
        after_help = "Example:\n  novantra audit redact aud_01KSFQX5Y80000000000000006 --workspace default --reason \"order 12/26 of the court\" --yes"
    )]
    Redact(redact::Redact),
    /// Continue the audit logs under another name, because the database was restored to an earlier state by other means
    /// than novantra restore. All servers must be stopped.
    #[command(
        after_help = "Example:\n  novantra audit continue --reason \"Restored the database of 2026-11-22 with pg_restore\"\n\nThe heads of the logs may lie before entries that were signed already. Going on under the same name, the logs would contradict what others have kept. The first server that starts adds an entry to each log that names its last entry."
    )]
    Continue(Continue),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Verify the audit log of this workspace only.
    #[arg(long, value_name = "SLUG", conflicts_with = "files")]
    workspace: Option<String>,
    /// A file with checkpoints stored elsewhere: JSON objects, one a line, and notes. The log must contain each of them.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Succeed although entries of the installation's log tell of rows that somebody altered, deleted or suppressed before they
    /// were sealed: you know them.
    #[arg(long, conflicts_with = "files")]
    accept_recorded: bool,
    /// Verify this export instead of the database; or objects of the archive, whose names end with .nva, against the
    /// `--checkpoint` file. It needs neither a server nor a database.
    #[arg(long = "file", value_name = "EXPORT", requires = "public_key", num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
    /// The public key of the checkpoint signatures, as `audit public-key` prints it. If there are notes in the
    /// `--checkpoint` file, the verifier key of the log in a line of its own, too.
    #[arg(long, value_name = "FILE", requires = "files")]
    public_key: Option<PathBuf>,
    /// Require that each note in the `--checkpoint` file has the valid cosignatures of this number of witnesses, whose
    /// verifier keys are in the `--public-key` file. Fewer are accepted otherwise, but no invalid one.
    #[arg(long, value_name = "WITNESSES", requires = "files", default_value_t = 0, hide_default_value = true)]
    cosigned: usize,
}

#[derive(Debug, Args)]
pub(crate) struct WorkspaceArgs {
    /// The workspace, or `-` for the installation's own log, which has the requests without an authenticated account.
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true)]
    workspace: String,
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// The identifier of the entry.
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// The workspace, or `-` for the installation's own log.
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true)]
    workspace: String,
    /// Prove it with the newest note that witnesses have cosigned, which only the installation's own log has.
    #[arg(long)]
    cosigned: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublicKey {
    /// Print the verifier key of the log of a workspace, as signed notes have it.
    #[arg(long, requires = "workspace")]
    note: bool,
    /// The workspace, or `-` for the installation's own log.
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true, requires = "note")]
    workspace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    #[command(flatten)]
    log: WorkspaceArgs,
    /// Print it as a signed note in the format tlog-checkpoint of C2SP instead of JSON.
    #[arg(long)]
    note: bool,
    /// Print the newest note that witnesses have cosigned, with their signatures. Witnesses follow the installation's own log,
    /// `--workspace -`, which names the heads of all others.
    #[arg(long, conflicts_with = "note")]
    cosigned: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Continue {
    #[command(flatten)]
    reason: ReasonArg,
}

impl Audit {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(context).await,
            Self::Export(args) => export::export(context, &args.workspace).await,
            Self::Prove(prove) => prove::prove(context, prove).await,
            Self::PublicKey(PublicKey { workspace: Some(workspace), .. }) => {
                keys::verifier_key(context, workspace).await
            }
            Self::PublicKey(PublicKey { workspace: None, .. }) => keys::public_key(context).await,
            Self::Checkpoint(args) if args.cosigned => keys::cosigned_note(context, &args.log.workspace).await,
            Self::Checkpoint(args) if args.note => keys::note(context, &args.log.workspace).await,
            Self::Checkpoint(args) => keys::checkpoint(context, &args.log.workspace).await,
            Self::Archive => archive::archive(context).await,
            Self::Redact(args) => redact::redact(context, args).await,
            Self::Continue(args) => continue_log::continue_log(context, &args.reason).await,
        }
    }
}
