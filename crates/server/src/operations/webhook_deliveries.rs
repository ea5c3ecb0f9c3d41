//! Webhook deliveries that are sent again.

use kernel::{Id, Organization, OrganizationRef, Reader, Stored};
use webhooks::{WebhookDelivery, WebhookSubscription};

use super::operator::Operator;
use crate::failure::Failure;

/// Sends a delivery of the workspace again immediately, with a fresh retry schedule.
///
/// # Errors
/// If the workspace has no such delivery, its subscription is not active, or the store fails.
pub(crate) async fn redeliver(
    operator: &Operator,
    workspace: &Stored<Organization>,
    id: Id<WebhookDelivery>,
) -> Result<Stored<WebhookDelivery>, Failure> {
    let (store, organization) = (&*operator.installation.store, OrganizationRef::from(workspace));
    let not_found = || Failure::new(format!("there is no delivery {id} in this workspace"));
    operator
        .write(async || {
            let delivery = Reader::<WebhookDelivery>::get(store, organization.id, id).await?.ok_or_else(not_found)?;
            let subscription = delivery.record.subscription;
            let subscription = Reader::<WebhookSubscription>::get(store, organization.id, subscription)
                .await?
                .ok_or_else(not_found)?;
            let attribution = operator.attribution();
            let context = operator.write_context(&organization, &attribution);
            Ok(webhooks::redeliver(&context, store.begin_write(), &subscription, &delivery)?)
        })
        .await
}
