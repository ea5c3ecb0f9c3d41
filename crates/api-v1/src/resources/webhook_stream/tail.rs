//! A cursor over the events of an organization as they become visible. It returns each event once, mostly but not
//! strictly in the order of the identifiers.

use std::{collections::BTreeSet, time::Duration};

use kernel::{OrganizationId, PageLimit, PageRequest, Reader, StoreError, Timestamp};
use store::DynStore;
use ulid::Ulid;
use webhooks::{DeliveryHistory, EventBodies, StoredEvent, SubscriptionFilter, WebhookSubscription};

/// The number of events per page. A body can have a hundred kilobytes, and a page is held for as long as the client takes
/// to read it.
const PAGE_SIZE: usize = 8;
/// The maximum age of an event that becomes visible late. It limits the range that is read again while a write hangs.
const MAX_LOOKBACK: Duration = Duration::from_secs(30);

/// A cursor over the events of an organization.
pub(super) struct Tail {
    organization: OrganizationId,
    /// All events up to this identifier have been read; no further ones can become visible.
    complete_to: Ulid,
    /// The events after `complete_to` that have been read.
    seen_after: BTreeSet<Ulid>,
    /// While there are more pages: the start of the next page, and the identifier up to which all events were visible
    /// before the first page was read.
    page: Option<(Ulid, Ulid)>,
}

/// A page of new events.
pub(super) struct TailBatch {
    pub(super) events: Vec<StoredEvent>,
    /// Whether more events may be available already.
    pub(super) more: bool,
}

impl Tail {
    /// Creates a cursor over the events with a timestamp from `now` on.
    pub(super) fn starting_at(organization: OrganizationId, now: Timestamp) -> Self {
        Self { organization, complete_to: now.last_ulid_before(), seen_after: BTreeSet::new(), page: None }
    }

    /// Reads the next page.
    pub(super) async fn read(&mut self, store: &DynStore, now: Timestamp) -> Result<TailBatch, StoreError> {
        let (after, visible) = match self.page {
            Some(page) => page,
            None => (self.complete_to, self.visible_to(store).await?.max((now - MAX_LOOKBACK).last_ulid_before())),
        };
        let (last, bodies) = (Ulid(u128::MAX), EventBodies::Included);
        let page = DeliveryHistory::events(store, self.organization, after, last, PAGE_SIZE, bodies).await?;
        let more = page.len() == PAGE_SIZE;
        let read = page.last().map_or(after, |last| last.id.ulid());
        let events = page.into_iter().filter(|event| self.seen_after.insert(event.id.ulid())).collect();
        let complete_to = if more { visible.min(read) } else { visible };
        if complete_to > self.complete_to {
            self.complete_to = complete_to;
            self.seen_after = self.seen_after.split_off(&complete_to);
        }
        self.page = more.then_some((read, visible));
        Ok(TailBatch { events, more })
    }

    /// Returns the last identifier before the watermark: all events up to it are visible. `X-As-Of` of a list is the
    /// same watermark.
    async fn visible_to(&self, store: &DynStore) -> Result<Ulid, StoreError> {
        let no_filter = SubscriptionFilter::default();
        let page = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        let page = Reader::<WebhookSubscription>::list(store, self.organization, &no_filter, &page).await?;
        Ok(page.as_of.last_ulid_before())
    }
}
