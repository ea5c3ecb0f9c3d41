//! Whether an account may be told, as things stand now.

use std::sync::Arc;

use auth::{Account, ServiceAccount};
use kernel::{Reader, Revision, StoreError, Stored, Timestamp};
use webhooks::{Lane, TEST_EVENT, WebhookDelivery, WebhookSubscription};

use super::Office;

/// A lane's subscription and account, as they were when they were last read.
#[derive(Debug)]
pub(super) struct Parties {
    pub(super) subscription: Stored<WebhookSubscription>,
    account: Account,
}

/// What is to become of all that is on a lane.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It is sent.
    Send(Arc<Parties>),
    /// It waits: the subscription is disabled.
    Park,
    /// It is cancelled: the subscription was removed, or its account may not be told anything any more.
    Cancel,
}

/// What is to become of one delivery on a lane that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is sent.
    Granted,
    /// The account may not read what it is about.
    Refused,
    /// A newer server made it of an event that this one does not know: which scope it takes is for that one to say.
    Unknown,
}

impl Parties {
    fn revisions(&self) -> (Revision, Revision) {
        (self.subscription.meta.revision, self.account.meta.revision)
    }

    /// Judges one delivery.
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
        if self.subscription.record.is_removed() || !self.account.record.stands(now) {
            Verdict::Cancel
        } else if self.subscription.record.is_active() {
            Verdict::Send(self)
        } else {
            Verdict::Park
        }
    }
}

/// Judges a lane by revisions that are read after this was called, and by what it is known to hold at these revisions.
///
/// # Errors
/// When the store fails: what can't be judged is not sent.
pub(super) async fn judge(office: &Office, lane: Lane) -> Result<Verdict, StoreError> {
    let store = &office.means.store;
    let Some(revisions) = store.standing(lane).await? else { return Ok(Verdict::Cancel) };
    let known = office.acquaintances.get(lane).filter(|known| known.revisions() == revisions);
    let parties = match known {
        Some(known) => known,
        None => {
            let Some(parties) = read(office, lane).await? else { return Ok(Verdict::Cancel) };
            office.acquaintances.note(lane, Arc::clone(&parties));
            parties
        }
    };
    Ok(parties.verdict(office.means.clock.now()))
}

async fn read(office: &Office, lane: Lane) -> Result<Option<Arc<Parties>>, StoreError> {
    let store = &*office.means.store;
    let subscription = Reader::<WebhookSubscription>::get(store, lane.organization, lane.subscription).await?;
    let Some(subscription) = subscription else { return Ok(None) };
    let account = Reader::<ServiceAccount>::get(store, lane.organization, subscription.record.account).await?;
    Ok(account.map(|account| Arc::new(Parties { subscription, account })))
}
