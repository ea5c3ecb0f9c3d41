//! `novantra webhooks resume`

use clap::Args;
use serde_json::json;

use crate::{
    cli::{CommandContext, ReasonArg, seal},
    compose::{Resumed, resume_webhooks},
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
        let Resumed { were_paused, renewed } = resume_webhooks(&context.settings, COMMAND, &reason).await?;
        seal(&context.settings).await;
        context.output.print(&json!({ "resumed": were_paused, "renewed": renewed }), || {
            let text = if were_paused { "webhooks are resumed within a second" } else { "webhooks were not paused" };
            let copy = renewed
                .map(|id| format!("this copy is the installation {id} now, and no token issued before is valid\n"));
            copy.unwrap_or_default() + text
        })
    }
}
