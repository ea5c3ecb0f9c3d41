//! Authorization of deliveries by the current state of the subscription and its account.

use std::sync::Arc;

use auth::{Account, ServiceAccount};
use kernel::{Reader, Revision, StoreError, Stored, Timestamp};
use webhooks::{Lane, TEST_EVENT, WebhookDelivery, WebhookSubscription};

use super::Office;

/// The subscription of a partition with its account, at the revisions at which they were last read.
#[derive(Debug)]
pub(super) struct Parties {
    pub(super) subscription: Stored<WebhookSubscription>,
    account: Account,
}

/// The action on all deliveries of a partition.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// They are sent.
    Send(Arc<Parties>),
    /// They wait, because the subscription is disabled.
    Park,
    /// They are cancelled, because the subscription was removed or its account is no longer active.
    Cancel,
}

/// The authorization of one delivery in a partition that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The account may receive the event.
    Granted,
    /// The account lacks the scope to read the resource of the event.
    Refused,
    /// The event type is supported only by the newer server that stored the event, so the required scope is unknown
    /// here.
    Unknown,
}

impl Parties {
    fn revisions(&self) -> (Revision, Revision) {
        (self.subscription.meta.revision, self.account.meta.revision)
    }

    /// Checks whether the account may receive one delivery.
    pub(super) fn admission(&self, delivery: &WebhookDelivery) -> Admission {
        if &*delivery.event_type == TEST_EVENT {
            return Admission::Granted;
        }
        match delivery.event_type.parse::<webhooks::EventType>() {
            Ok(event) if self.account.record.scopes.contains(event.scope()) => Admission::Granted,
            Ok(_) => Admission::Refused,
            Err(_) => Admission::Unknown,
        }
    }

    fn verdict(self: Arc<Self>, now: Timestamp) -> Verdict {
        if self.subscription.record.is_removed() || !self.account.record.is_active_at(now) {
            Verdict::Cancel
        } else if self.subscription.record.is_active() {
            Verdict::Send(self)
        } else {
            Verdict::Park
        }
    }
}

/// Decides what to do with the deliveries of a partition. The revisions of subscription and account are read after the
/// call; the records come from the cache if it holds these revisions.
///
/// # Errors
/// When the store fails; then nothing must be sent.
pub(super) async fn judge(context: &Office, partition: Lane) -> Result<Verdict, StoreError> {
    let store = &context.means.store;
    let Some(revisions) = store.standing(partition).await? else { return Ok(Verdict::Cancel) };
    let cached = context.acquaintances.get(partition).filter(|cached| cached.revisions() == revisions);
    let subscription_with_account = match cached {
        Some(cached) => cached,
        None => {
            let Some(subscription_with_account) = read(context, partition).await? else { return Ok(Verdict::Cancel) };
            context.acquaintances.note(partition, Arc::clone(&subscription_with_account));
            subscription_with_account
        }
    };
    Ok(subscription_with_account.verdict(context.means.clock.now()))
}

async fn read(context: &Office, partition: Lane) -> Result<Option<Arc<Parties>>, StoreError> {
    let store = &*context.means.store;
    let subscription =
        Reader::<WebhookSubscription>::get(store, partition.organization, partition.subscription).await?;
    let Some(subscription) = subscription else { return Ok(None) };
    let account = Reader::<ServiceAccount>::get(store, partition.organization, subscription.record.account).await?;
    Ok(account.map(|account| Arc::new(Parties { subscription, account })))
}
