//! `novantra evidence approve`, `reject` and `withdraw`

use clap::Args;
use kernel::Description;

use super::view::claim_document;
use crate::{
    cli::{CommandContext, ReasonArg},
    failure::Failure,
    operations::{ClaimDecision, Operator, decide_claim, find_workspace},
};

/// The claim that is decided about.
#[derive(Debug, Args)]
struct ClaimArgs {
    /// The key or the id of the claim, as `list` shows them.
    #[arg(value_name = "CLAIM")]
    claim: String,
    /// The workspace of the claim.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Debug, Args)]
pub(crate) struct Review {
    #[command(flatten)]
    claim: ClaimArgs,
    /// A note about the review, which integrations can read. The reason is only in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = parse_note)]
    note: Option<Description>,
}

fn parse_note(text: &str) -> Result<Description, String> {
    Description::parse(text).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    claim: ClaimArgs,
}

impl Review {
    pub(crate) async fn approve(&self, context: &CommandContext) -> Result<(), Failure> {
        self.claim.decide(context, "evidence approve", ClaimDecision::Approve(self.note.clone())).await
    }

    pub(crate) async fn reject(&self, context: &CommandContext) -> Result<(), Failure> {
        self.claim.decide(context, "evidence reject", ClaimDecision::Reject(self.note.clone())).await
    }
}

impl Withdraw {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        self.claim.decide(context, "evidence withdraw", ClaimDecision::Withdraw).await
    }
}

impl ClaimArgs {
    async fn decide(
        &self,
        context: &CommandContext,
        command: &'static str,
        decision: ClaimDecision,
    ) -> Result<(), Failure> {
        let decide = async |operator: &Operator| {
            let workspace = find_workspace(&operator.installation, &self.workspace).await?;
            decide_claim(operator, &workspace, &self.claim, &decision).await
        };
        let claim = context.operate(command, &self.reason, decide).await?;
        context.output.print(&claim_document(&claim), || {
            format!("{} ({}) is {}", claim.record.key, claim.meta.id, claim.record.status.name())
        })
    }
}
