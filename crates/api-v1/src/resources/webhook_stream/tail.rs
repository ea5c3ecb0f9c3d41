//! A cursor over the events of an organization as they become visible. It returns each event once, and the events of one
//! record in the order of its revisions.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use kernel::{OrganizationId, PageLimit, PageRequest, Reader, StoreError, Timestamp};
use store::DynStore;
use ulid::Ulid;
use webhooks::{DeliveryHistory, EventBodies, StoredEvent, SubscriptionFilter, WebhookSubscription};

/// The number of events per page. A body can have a hundred kilobytes, and a page is held for as long as the client takes
/// to read it.
const PAGE_SIZE: usize = 8;
/// The maximum number of new events whose identifiers are read at once.
const MAX_NEW: usize = 1000;
/// The maximum age of an event that becomes visible late. It limits the range that is read again while a write hangs.
const MAX_LOOKBACK: Duration = Duration::from_secs(30);

/// A cursor over the events of an organization.
pub(super) struct Tail {
    organization: OrganizationId,
    /// All events up to this identifier have been read; no further ones can become visible.
    complete_to: Ulid,
    /// The events after `complete_to` that have been read.
    seen_after: BTreeSet<Ulid>,
    /// The events whose bodies are read next, in the order of their identifiers. All of them were visible at one moment. A
    /// record's later event is never visible without the earlier ones, so none of those is missing before it. If each page
    /// were read where the last one ended, an event that became visible in between would come after its successors.
    next: VecDeque<Ulid>,
    /// Whether more events than those were visible.
    has_more: bool,
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
        let complete_to = now.last_ulid_before();
        Self { organization, complete_to, seen_after: BTreeSet::new(), next: VecDeque::new(), has_more: false }
    }

    /// Reads the next page.
    pub(super) async fn read(&mut self, store: &DynStore, now: Timestamp) -> Result<TailBatch, StoreError> {
        if self.next.is_empty() {
            self.find_new(store, now).await?;
        }
        let events = self.read_next(store).await?;
        Ok(TailBatch { events, more: self.has_more || !self.next.is_empty() })
    }

    /// Finds the events that have become visible since the last time.
    async fn find_new(&mut self, store: &DynStore, now: Timestamp) -> Result<(), StoreError> {
        let visible = self.visible_to(store).await?.max((now - MAX_LOOKBACK).last_ulid_before());
        let (last, limit) = (Ulid(u128::MAX), self.seen_after.len() + MAX_NEW);
        let bodies = EventBodies::Omitted;
        let found = DeliveryHistory::events(store, self.organization, self.complete_to, last, limit, bodies).await?;
        self.has_more = found.len() == limit;
        let last_found = found.last().map_or(self.complete_to, |last| last.id.ulid());
        let ids = found.into_iter().map(|event| event.id.ulid());
        self.next = ids.filter(|id| self.seen_after.insert(*id)).collect();
        let complete_to = if self.has_more { visible.min(last_found) } else { visible };
        if complete_to > self.complete_to {
            self.complete_to = complete_to;
            self.seen_after = self.seen_after.split_off(&complete_to);
        }
        Ok(())
    }

    /// Reads the bodies of the next events.
    async fn read_next(&mut self, store: &DynStore) -> Result<Vec<StoredEvent>, StoreError> {
        let page: BTreeSet<Ulid> = self.next.iter().copied().take(PAGE_SIZE).collect();
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(Vec::new()) };
        let (after, bodies) = (Ulid(first.0.saturating_sub(1)), EventBodies::Included);
        let read = DeliveryHistory::events(store, self.organization, after, *last, PAGE_SIZE, bodies).await?;
        // Events in between that were seen before, or are newer than the others, may take places of this page.
        let read_to = if read.len() == PAGE_SIZE { read.last().map_or(*last, |last| last.id.ulid()) } else { *last };
        while self.next.front().is_some_and(|id| *id <= read_to) {
            self.next.pop_front();
        }
        Ok(read.into_iter().filter(|event| page.contains(&event.id.ulid())).collect())
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel::Resource;
    use store_contract::{Fixture, OpenedStore, samples};
    use store_memory::MemoryStore;

    use super::*;

    async fn publish<R: Resource>(fixture: &Fixture, writes: Vec<(kernel::Changeset, kernel::Stored<R>)>) -> Vec<Ulid> {
        let mut published = Vec::new();
        for (mut changeset, stored) in writes {
            let event = samples::outbox_event(&*fixture.entropy, &stored);
            published.push(event.id.ulid());
            changeset.publish(event);
            fixture.commit(changeset).await.unwrap();
        }
        published
    }

    #[tokio::test]
    async fn an_event_that_becomes_visible_between_two_pages_comes_before_its_successors() {
        let fixture = Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await;
        let mut tail = Tail::starting_at(fixture.home, fixture.now());
        let late = fixture.create_changeset(fixture.home, samples::finding("late"));
        let late_finding = late.1.clone();
        fixture.clock.advance(Duration::from_millis(5));
        let others = (0..PAGE_SIZE + 1).map(|number| samples::finding(&format!("f-{number}")));
        let others = others.map(|record| fixture.create_changeset(fixture.home, record)).collect();
        let mut expected = publish(&fixture, others).await;

        let first = tail.read(&*fixture.store, fixture.now()).await.unwrap();
        assert!(first.events.len() == PAGE_SIZE && first.more);
        expected.extend(publish(&fixture, vec![late]).await);
        fixture.clock.advance(Duration::from_millis(5));
        let change = fixture.update_changeset(&late_finding, samples::finding("changed"));
        expected.extend(publish(&fixture, vec![change]).await);

        let mut received: Vec<Ulid> = first.events.iter().map(|event| event.id.ulid()).collect();
        for _ in 0..3 {
            let batch = tail.read(&*fixture.store, fixture.now()).await.unwrap();
            received.extend(batch.events.iter().map(|event| event.id.ulid()));
        }
        assert_eq!(received, expected);
    }
}
