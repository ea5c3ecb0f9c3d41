//! `novantra webhooks …`

mod deliveries;
mod listen;
mod redeliver;

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
}

impl Webhooks {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Listen(listen) => listen.run(context).await,
            Self::Deliveries(deliveries) => deliveries.run(context).await,
            Self::Redeliver(redeliver) => redeliver.run(context).await,
        }
    }
}
