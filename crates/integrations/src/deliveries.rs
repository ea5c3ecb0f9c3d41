//! Deliveries that an administrator has sent again.

use std::time::Duration;

use kernel::{Id, OrganizationId, OrganizationRef, Reader, Stored, Timestamp};
use webhooks::{RecoveryCounts, ReplayRange, WebhookDelivery, WebhookSubscription, recover, redeliver};

use crate::{
    author::Author,
    error::IntegrationError,
    integrations::{Integrations, MAX_ATTEMPTS},
    undelivered::find_undelivered,
};

/// The result of sending events again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The numbers of deliveries.
    pub counts: RecoveryCounts,
    /// The time from which to continue, if there were more than one call sends.
    pub next_since: Option<Timestamp>,
}

impl Integrations {
    /// Returns a delivery of a subscription.
    ///
    /// # Errors
    /// [`IntegrationError::NotFound`], or the store fails.
    pub async fn delivery(
        &self,
        organization: OrganizationId,
        subscription: Id<WebhookSubscription>,
        id: Id<WebhookDelivery>,
    ) -> Result<Stored<WebhookDelivery>, IntegrationError> {
        let found = Reader::<WebhookDelivery>::get(&*self.store, organization, id).await?;
        found.filter(|stored| stored.record.subscription == subscription).ok_or(IntegrationError::NotFound)
    }

    /// Sends a delivery again immediately, with a fresh retry schedule.
    ///
    /// # Errors
    /// [`IntegrationError::Denied`], [`IntegrationError::NotFound`], [`IntegrationError::Webhook`], or the store fails.
    pub async fn redeliver(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        subscription: Id<WebhookSubscription>,
        id: Id<WebhookDelivery>,
    ) -> Result<Stored<WebhookDelivery>, IntegrationError> {
        author.require_management()?;
        for _ in 0..MAX_ATTEMPTS {
            let subscription = self.subscription(organization.id, subscription).await?;
            let delivery = self.delivery(organization.id, subscription.meta.id, id).await?;
            let context = author.context(organization, &*self.entropy);
            let (changeset, after) = redeliver(&context, self.store.begin_write(), &subscription, &delivery)?;
            if self.commit(author, changeset).await? {
                return Ok(after);
            }
        }
        Err(IntegrationError::Contended)
    }

    /// Sends the events of a time range that did not arrive, oldest first.
    ///
    /// # Errors
    /// As [`Self::redeliver`].
    pub async fn recover(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: Id<WebhookSubscription>,
        since: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Recovery, IntegrationError> {
        author.require_management()?;
        for _ in 0..MAX_ATTEMPTS {
            let subscription = self.subscription(organization.id, id).await?;
            let timestamp = self.store.begin_write();
            // The range is half-open, and must include the current millisecond.
            let until = until.unwrap_or_else(|| timestamp.at() + Duration::from_millis(1));
            let found = find_undelivered(&*self.store, &subscription, ReplayRange { since, until }).await?;
            let context = author.context(organization, &*self.entropy);
            let (changeset, counts) = recover(&context, timestamp, &subscription, &found.failed, &found.missed)?;
            if self.commit(author, changeset).await? {
                return Ok(Recovery { counts, next_since: found.next_since });
            }
        }
        Err(IntegrationError::Contended)
    }
}
