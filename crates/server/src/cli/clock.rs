//! `novantra clock …`

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::{CommandContext, ReasonArg, seal},
    compose::{ClockReset, reset_clock},
    failure::Failure,
    serve::ServerLock,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Accept the present time of the clock after it was wrong. All servers must be stopped.
    #[command(
        after_help = "Example:\n  novantra clock reset --reason \"The clock was in 2076 until NTP corrected it\"\n\nWhile the clock was ahead, changes got its time and clients were told that nothing earlier would change. So every later change gets that time, too, until the clock has caught up. This command ends that. Integrations that pull with updated_since must start a new full mirror."
    )]
    Reset(Reset),
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    reason: ReasonArg,
}

impl ClockCommand {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Reset(reset) => reset.run(context).await,
        }
    }
}

impl Reset {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        const COMMAND: &str = "clock reset";
        let (settings, reason) = (&context.settings, self.reason.parse(COMMAND)?);
        let _lock = ServerLock::acquire_for_existing(&settings.database)?;
        let ClockReset { before, after } = reset_clock(settings, COMMAND, &reason).await?;
        seal(settings).await;
        let before = before.map(|before| before.to_string());
        context.output.print(&json!({ "before": before, "after": after.to_string() }), || {
            let before = before.as_deref().unwrap_or("none");
            format!(
                "changes are stamped from {after} on; the last time that clients were told was {before}\n\
                 next: start the servers, and let integrations that pull with updated_since start a new full mirror"
            )
        })
    }
}
