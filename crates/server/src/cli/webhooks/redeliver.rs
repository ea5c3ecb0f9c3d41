//! `novantra webhooks redeliver`

use clap::Args;
use kernel::{Id, Organization, OrganizationRef, Reader, Stored};
use webhooks::{WebhookDelivery, WebhookSubscription};

use super::deliveries::document;
use crate::{
    cli::{CommandContext, Operator, ReasonArg},
    failure::Failure,
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
        let delivery = Operator::run(context, "webhooks redeliver", &self.reason, async |operator| {
            let workspace = operator.workspace(&self.workspace).await?;
            operator.write(async || self.decide(operator, &workspace).await).await
        })
        .await?;
        context.output.print(&document(&delivery), || format!("{} will be sent again now", delivery.meta.id))
    }

    async fn decide(
        &self,
        operator: &Operator,
        workspace: &Stored<Organization>,
    ) -> Result<(kernel::Changeset, Stored<WebhookDelivery>), Failure> {
        let (store, organization) = (&*operator.installation.store, workspace.meta.id);
        let not_found = || Failure::new(format!("there is no delivery {} in this workspace", self.delivery));
        let delivery =
            Reader::<WebhookDelivery>::get(store, organization, self.delivery).await?.ok_or_else(not_found)?;
        let id = delivery.record.subscription;
        let subscription = Reader::<WebhookSubscription>::get(store, organization, id).await?.ok_or_else(not_found)?;
        let (organization, attribution) = (OrganizationRef::from(workspace), operator.attribution());
        Ok(webhooks::redeliver(
            &operator.write_context(&organization, &attribution),
            store.begin_write(),
            &subscription,
            &delivery,
        )?)
    }
}
