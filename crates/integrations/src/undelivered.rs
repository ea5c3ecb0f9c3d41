//! The search for the events of a time range that did not arrive at the endpoint of a subscription.

use std::collections::HashSet;

use kernel::{Id, PageLimit, PageRequest, Reader, StoreError, Stored, TimeRange, Timestamp, Ulid};
use store::DynStore;
use webhooks::{
    DeliveryFilter, DeliveryHistory, DeliveryState, EventBodies, MAX_RECOVERED, Partition, ReplayRange, StoredEvent,
    UndeliveredEvent, WebhookDelivery, WebhookSubscription,
};

/// The number of events that are read at a time.
const PAGE_SIZE: usize = 200;
/// The maximum number of pages that one call reads, which bounds its cost even if few events match the subscription.
const MAX_PAGES: usize = 100;

/// The states of the deliveries that are sent again: those that have ended without success, or wait for another
/// attempt.
const UNDELIVERED: [DeliveryState; 3] = [DeliveryState::Failed, DeliveryState::Exhausted, DeliveryState::Cancelled];

/// The events of a time range that must be redelivered.
#[derive(Debug, Default)]
pub struct UndeliveredEvents {
    /// The deliveries that failed, are exhausted or were cancelled.
    pub failed: Vec<Stored<WebhookDelivery>>,
    /// The events without a delivery.
    pub missed: Vec<UndeliveredEvent>,
    /// The time of the first event that was not examined.
    pub next_since: Option<Timestamp>,
}

impl UndeliveredEvents {
    /// The number of events that may still be added.
    fn remaining(&self) -> usize {
        MAX_RECOVERED - self.failed.len() - self.missed.len()
    }
}

/// Searches the events of a time range, oldest first, until it has found as many as one call redelivers. Events before the
/// creation of the subscription are not meant for it.
///
/// # Errors
/// If the store fails.
pub async fn find_undelivered(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    range: ReplayRange,
) -> Result<UndeliveredEvents, StoreError> {
    let organization = subscription.meta.organization;
    let mut found = UndeliveredEvents::default();
    let mut after = range.since.max(subscription.meta.created_at).last_ulid_before();
    for _ in 0..MAX_PAGES {
        let last = range.until.last_ulid_before();
        let bodies = EventBodies::Omitted;
        let events = DeliveryHistory::events(store, organization, after, last, PAGE_SIZE, bodies).await?;
        let Some(last) = events.last() else { return Ok(found) };
        let (end, more) = (last.id.ulid(), events.len() == PAGE_SIZE);
        let matching = events.into_iter().filter(|event| is_subscribed_to(subscription, event)).collect();
        found.next_since = classify(store, subscription, matching, &mut found).await?;
        if found.next_since.is_some() || !more {
            return Ok(found);
        }
        after = end;
    }
    found.next_since = Some(time_of(after));
    Ok(found)
}

/// Whether the subscription includes the type of this event.
fn is_subscribed_to(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> bool {
    event.name.parse().is_ok_and(|event_type| subscription.record.event_types.contains(&event_type))
}

/// Classifies events, oldest first: those with an unsuccessful delivery and those without a delivery are added to
/// `found`. Returns the time of the first event that did not fit any more.
async fn classify(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    events: Vec<StoredEvent>,
    found: &mut UndeliveredEvents,
) -> Result<Option<Timestamp>, StoreError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(None) };
    let partition = Partition { organization: subscription.meta.organization, subscription: subscription.meta.id };
    let times = (time_of(first.id.ulid()), time_of(last.id.ulid()));
    let mut undelivered = load_undelivered(store, subscription, times).await?;
    let ids: Vec<_> = events.iter().map(|event| delivery_id(subscription, event)).collect();
    let existing: HashSet<_> =
        DeliveryHistory::existing_deliveries(store, partition, &ids).await?.into_iter().collect();
    for (event, id) in events.into_iter().zip(ids) {
        let failed = undelivered.iter().position(|delivery| delivery.meta.id == id);
        if failed.is_none() && existing.contains(&id) {
            continue;
        }
        if found.remaining() == 0 {
            return Ok(Some(time_of(event.id.ulid())));
        }
        match failed {
            Some(index) => found.failed.push(undelivered.swap_remove(index)),
            None => found.missed.push(event),
        }
    }
    Ok(None)
}

/// Loads the unsuccessful deliveries of events between these times, both inclusive.
async fn load_undelivered(
    store: &DynStore,
    subscription: &Stored<WebhookSubscription>,
    (first, last): (Timestamp, Timestamp),
) -> Result<Vec<Stored<WebhookDelivery>>, StoreError> {
    let filter = DeliveryFilter {
        subscription: Some(subscription.meta.id),
        states: UNDELIVERED.into(),
        ..DeliveryFilter::default()
    };
    let time_range = TimeRange {
        created_after: Some(first),
        created_before: Some(Timestamp::from_millis(last.millis().saturating_add(1))),
        ..TimeRange::default()
    };
    let limit = PageLimit::clamped(u64::from(PageLimit::MAX));
    let mut request = PageRequest { limit, time_range, ..PageRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = Reader::<WebhookDelivery>::list(store, subscription.meta.organization, &filter, &request).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(all),
        }
    }
}

fn delivery_id(subscription: &Stored<WebhookSubscription>, event: &StoredEvent) -> Id<WebhookDelivery> {
    WebhookDelivery::derive_id(subscription.meta.id, event.id, event.created_at)
}

/// Returns the time in an identifier.
fn time_of(id: Ulid) -> Timestamp {
    Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX))
}
