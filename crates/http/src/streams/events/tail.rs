//! The events of an organization as they become visible, each once, in no stricter order than that of their identifiers.

use std::{collections::BTreeSet, time::Duration};

use kernel::{OrganizationId, PageLimit, PageRequest, Reader, StoreError, Timestamp};
use store::DynStore;
use ulid::Ulid;
use webhooks::{DeliveryQueue, StoredEvent, SubscriptionFilter, WebhookSubscription};

/// How many events are read at a time. A body may have tens of kilobytes.
const PAGE: usize = 50;
/// How far back it is looked for what became visible late, where a write that hangs would have us look further still.
const FURTHEST: Duration = Duration::from_secs(30);

pub(super) struct Tail {
    organization: OrganizationId,
    /// Up to here everything that will ever be visible was read.
    whole: Ulid,
    /// What was read beyond.
    beyond: BTreeSet<Ulid>,
    /// Where the next page begins, and up to when all was visible before the first page of this round was read.
    round: Option<(Ulid, Ulid)>,
}

/// A page of what is new.
pub(super) struct Heard {
    pub(super) events: Vec<StoredEvent>,
    /// Whether there may be more already.
    pub(super) more: bool,
}

impl Tail {
    /// Of what is stamped from this moment on.
    pub(super) fn beginning(organization: OrganizationId, now: Timestamp) -> Self {
        Self { organization, whole: before(now), beyond: BTreeSet::new(), round: None }
    }

    /// Reads on.
    pub(super) async fn read(&mut self, store: &DynStore, now: Timestamp) -> Result<Heard, StoreError> {
        let (after, visible) = match self.round {
            Some(round) => round,
            None => (self.whole, self.visible(store).await?.max(before(now - FURTHEST))),
        };
        let page = DeliveryQueue::events(store, self.organization, after, Ulid(u128::MAX), PAGE).await?;
        let more = page.len() == PAGE;
        let read = page.last().map_or(after, |last| last.id.ulid());
        let events = page.into_iter().filter(|event| self.beyond.insert(event.id.ulid())).collect();
        let whole = if more { visible.min(read) } else { visible };
        if whole > self.whole {
            self.whole = whole;
            self.beyond = self.beyond.split_off(&whole);
        }
        self.round = more.then_some((read, visible));
        Ok(Heard { events, more })
    }

    /// What is stamped up to here is visible, if it ever will be: what `X-As-Of` of a list says.
    async fn visible(&self, store: &DynStore) -> Result<Ulid, StoreError> {
        let nobody = SubscriptionFilter::default();
        let page = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        let page = Reader::<WebhookSubscription>::list(store, self.organization, &nobody, &page).await?;
        Ok(before(page.as_of))
    }
}

/// The last identifier before those of this moment.
fn before(at: Timestamp) -> Ulid {
    let first = Ulid::from_parts(u64::try_from(at.millis()).unwrap_or(0), 0);
    Ulid(first.0.saturating_sub(1))
}
