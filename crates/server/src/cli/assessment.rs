//! `novantra assessment …`

use api_v1::PayloadRenderer;
use clap::{Args, Subcommand};
use kernel::{Timestamp, WriteContext};
use registers::{Assessment, AssessmentCommand, change_assessment};

use super::record::{ChangeArgs, ListArgs, RecordArgs};
use crate::{cli::CommandContext, failure::Failure, operations::CommandRecord};

impl CommandRecord for Assessment {
    const COMMANDS: &'static str = "assessment";
    const LISTED: &'static [&'static str] = &["key", "status", "completed_at", "title"];
}

#[derive(Debug, Subcommand)]
pub(crate) enum AssessmentCommands {
    /// List the newest assessments.
    #[command(after_help = "Example:\n  novantra assessment list --workspace default --status planned,in-progress")]
    List(ListArgs),
    /// Show one assessment.
    #[command(after_help = "Example:\n  novantra assessment show ASM-2026-Q2 --workspace default")]
    Show(RecordArgs),
    /// Begin a planned assessment.
    #[command(after_help = "Example:\n  novantra assessment start ASM-2026-Q2 --workspace default")]
    Start(ChangeArgs),
    /// Complete an assessment that is in progress. Subscribers get the event assessment.completed.
    #[command(
        after_help = "Example:\n  novantra assessment complete ASM-2026-Q2 --workspace default --reason \"Report signed by the lead assessor\""
    )]
    Complete(Complete),
    /// Continue the work on a completed assessment.
    #[command(
        after_help = "Example:\n  novantra assessment reopen ASM-2026-Q2 --workspace default --reason \"The sample was too small\""
    )]
    Reopen(ChangeArgs),
    /// State that a later assessment replaces a completed one.
    #[command(after_help = "Example:\n  novantra assessment supersede ASM-2026-Q1 --workspace default")]
    Supersede(ChangeArgs),
    /// Keep an assessment for the record only.
    #[command(after_help = "Example:\n  novantra assessment archive ASM-2024-Q1 --workspace default")]
    Archive(ChangeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct Complete {
    #[command(flatten)]
    target: ChangeArgs,
    /// The time of the completion, if it was earlier: a date or an RFC 3339 timestamp.
    #[arg(long, value_name = "TIME")]
    completed_at: Option<String>,
}

impl AssessmentCommands {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        use AssessmentCommand::{Archive, Reopen, Start, Supersede};
        match self {
            Self::List(list) => list.run::<Assessment>(context).await,
            Self::Show(target) => target.show::<Assessment>(context).await,
            Self::Start(target) => change(context, "assessment start", target, Start).await,
            Self::Complete(complete) => {
                let at = complete.completed_at.as_deref().map(Timestamp::parse_date_or_time).transpose();
                let at = at.map_err(|error| Failure::usage(format!("--completed-at {error}")))?;
                let command = AssessmentCommand::Complete { at };
                change(context, "assessment complete", &complete.target, command).await
            }
            Self::Reopen(target) => change(context, "assessment reopen", target, Reopen).await,
            Self::Supersede(target) => change(context, "assessment supersede", target, Supersede).await,
            Self::Archive(target) => change(context, "assessment archive", target, Archive).await,
        }
    }
}

async fn change(
    context: &CommandContext,
    name: &'static str,
    target: &ChangeArgs,
    command: AssessmentCommand,
) -> Result<(), Failure> {
    let decide = |write: &WriteContext<'_>, at, assessment: &_| {
        change_assessment(write, &PayloadRenderer, at, assessment, command)
    };
    target.change(context, name, decide).await
}
