//! `novantra webhooks …`

mod deliveries;
mod listen;
mod redeliver;
mod resume;

use clap::Subcommand;

use crate::{cli::CommandContext, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// Forward events to a program under development, signed like deliveries. Missed events are not sent again.
    #[command(
        after_help = "Example, with NOVANTRA_CLIENT_ID and NOVANTRA_CLIENT_SECRET set:\n  novantra webhooks listen --server https://novantra.example --forward-to http://127.0.0.1:9000/novantra"
    )]
    Listen(listen::Listen),
    /// List deliveries, newest first.
    #[command(
        after_help = "Example:\n  novantra webhooks deliveries --workspace default --status failed --status exhausted"
    )]
    Deliveries(deliveries::Deliveries),
    /// Send a delivery again immediately, with a fresh retry schedule.
    #[command(
        after_help = "Example:\n  novantra webhooks redeliver whdel_01HZX3V6T9C6Q4W8N2D5K7M1RB --workspace default --reason \"The mirror is back\""
    )]
    Redeliver(redeliver::Redeliver),
    /// Send the webhooks of a restored or copied installation, which are paused until then.
    #[command(
        after_help = "Example:\n  novantra webhooks resume --reason \"The original is gone, and this installation replaces it\""
    )]
    Resume(resume::Resume),
}

impl Webhooks {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Listen(listen) => listen.run(context).await,
            Self::Deliveries(deliveries) => deliveries.run(context).await,
            Self::Redeliver(redeliver) => redeliver.run(context).await,
            Self::Resume(resume) => resume.run(context).await,
        }
    }
}
