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
            redeliver(operator, &workspace, self.delivery).await
        };
        let delivery = context.operate("webhooks redeliver", &self.reason, send_again).await?;
        context.output.print(&document(&delivery), || format!("{} will be sent again now", delivery.meta.id))
    }
}
