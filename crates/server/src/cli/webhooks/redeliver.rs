//! `novantra webhooks redeliver`

use clap::Args;
use kernel::{Id, OrganizationId, Reader};
use webhooks::{Desk, WebhookDelivery, WebhookSubscription};

use super::deliveries::document;
use crate::{
    cli::{Context, Operator, Why},
    failure::Failure,
};

#[derive(Debug, Args)]
pub(crate) struct Redeliver {
    /// The delivery's id, as `deliveries` shows it.
    #[arg(value_name = "DELIVERY_ID", value_parser = delivery_id)]
    delivery: Id<WebhookDelivery>,
    /// Of this workspace.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    #[command(flatten)]
    why: Why,
}

fn delivery_id(text: &str) -> Result<Id<WebhookDelivery>, String> {
    text.parse().map_err(|_| "a delivery's id looks like whdel_01HZX3V6T9C6Q4W8N2D5K7M1RB".to_owned())
}

impl Redeliver {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let again = Operator::work(context, "webhooks redeliver", &self.why, async |operator| {
            let organization = operator.workspace(&self.workspace).await?.meta.id;
            operator.write(async || self.decide(operator, organization).await).await
        })
        .await?;
        context.output.show(&document(&again), || format!("{} is sent again", again.meta.id))
    }

    async fn decide(
        &self,
        operator: &Operator,
        organization: OrganizationId,
    ) -> Result<(kernel::Changeset, kernel::Stored<WebhookDelivery>), Failure> {
        let store = &*operator.installation.store;
        let absent = || Failure::new(format!("there is no delivery {} in this workspace", self.delivery));
        let delivery = Reader::<WebhookDelivery>::get(store, organization, self.delivery).await?.ok_or_else(absent)?;
        let to = delivery.record.subscription;
        let subscription = Reader::<WebhookSubscription>::get(store, organization, to).await?.ok_or_else(absent)?;
        let desk = Desk {
            entropy: &*operator.installation.entropy,
            attribution: &operator.attribution(organization),
            reason: Some(operator.reason()),
        };
        Ok(webhooks::redeliver(&desk, store.begin(), &subscription, &delivery)?)
    }
}
