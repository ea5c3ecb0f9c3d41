//! `novantra webhooks resume`

use clap::Args;
use serde_json::json;

use crate::{
    cli::{CommandContext, ReasonArg, seal},
    compose::resume_webhooks,
    failure::Failure,
};

#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    reason: ReasonArg,
}

impl Resume {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        const COMMAND: &str = "webhooks resume";
        let reason = self.reason.parse(COMMAND)?;
        let resumed = resume_webhooks(&context.settings, COMMAND, &reason).await?;
        seal(&context.settings).await;
        context.output.print(&json!({ "resumed": resumed }), || {
            let text = if resumed { "webhooks are resumed within a second" } else { "webhooks were not paused" };
            text.to_owned()
        })
    }
}
