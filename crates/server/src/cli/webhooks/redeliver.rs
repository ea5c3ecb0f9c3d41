//! `novantra webhooks redeliver`

use clap::Args;
use kernel::Id;
use webhooks::WebhookDelivery;

use super::deliveries::document;
use crate::{
    cli::{CommandContext, ReasonArg},
    failure::Failure,
    operations::{Operator, find_workspace, redeliver},
};

#[derive(Debug, Args)]
pub(crate) struct Redeliver {
    /// The delivery's id, as `deliveries` shows it.
    #[arg(value_name = "DELIVERY_ID", value_parser = parse_delivery_id)]
    delivery: Id<WebhookDelivery>,
    /// The workspace of the delivery.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    #[command(flatten)]
    reason: ReasonArg,
}

fn parse_delivery_id(text: &str) -> Result<Id<WebhookDelivery>, String> {
    text.parse().map_err(|_| "it is not a delivery id such as whdel_01HZX3V6T9C6Q4W8N2D5K7M1RB".to_owned())
}

impl Redeliver {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let send_again = async |operator: &Operator| {
            let workspace = find_workspace(&operator.installation, &self.workspace).await?;
            let mut delivery = redeliver(operator, &workspace, self.delivery).await?;
            let paused = operator.installation.store.webhooks_paused().await?;
            if paused {
                delivery.record.next_attempt_at = None;
            }
            Ok((delivery, paused))
        };
        let (delivery, paused) = context.operate("webhooks redeliver", &self.reason, send_again).await?;
        context.output.print(&document(&delivery), || {
            let id = delivery.meta.id;
            if paused {
                format!(
                    "{id} will be sent again once webhooks are resumed: they are paused, because this installation is a copy of \
                     another one; to resume them, run `novantra webhooks resume`"
                )
            } else {
                format!("{id} will be sent again now")
            }
        })
    }
}
