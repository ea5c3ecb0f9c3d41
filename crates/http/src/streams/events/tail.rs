//! A cursor over the events of an organization as they become visible. It returns each event once, mostly but not
//! strictly in the order of the identifiers.

use std::{collections::BTreeSet, time::Duration};

use kernel::{OrganizationId, PageLimit, PageRequest, Reader, StoreError, Timestamp};
use store::DynStore;
use ulid::Ulid;
use webhooks::{DeliveryQueue, StoredEvent, SubscriptionFilter, WebhookSubscription};

/// The number of events per page. A body can have tens of kilobytes.
const PAGE: usize = 50;
/// The maximum age of an event that becomes visible late. It limits the range that is read again while a write hangs.
const FURTHEST: Duration = Duration::from_secs(30);

/// A cursor over the events of an organization.
pub(super) struct Tail {
    organization: OrganizationId,
    /// All events up to this identifier have been read; no further ones can become visible.
    whole: Ulid,
    /// The events after `complete_to` that have been read.
    beyond: BTreeSet<Ulid>,
    /// While there are more pages: the start of the next page, and the identifier up to which all events were visible
    /// before the first page was read.
    round: Option<(Ulid, Ulid)>,
}

/// A page of new events.
pub(super) struct Heard {
    pub(super) events: Vec<StoredEvent>,
    /// Whether more events may be available already.
    pub(super) more: bool,
}

impl Tail {
    /// Creates a cursor over the events with a timestamp from `now` on.
    pub(super) fn beginning(organization: OrganizationId, now: Timestamp) -> Self {
        Self { organization, whole: before(now), beyond: BTreeSet::new(), round: None }
    }

    /// Reads the next page.
    pub(super) async fn read(&mut self, store: &DynStore, now: Timestamp) -> Result<Heard, StoreError> {
        let (after, visible) = match self.round {
            Some(page) => page,
            None => (self.whole, self.visible(store).await?.max(before(now - FURTHEST))),
        };
        let page = DeliveryQueue::events(store, self.organization, after, Ulid(u128::MAX), PAGE).await?;
        let more = page.len() == PAGE;
        let read = page.last().map_or(after, |last| last.id.ulid());
        let events = page.into_iter().filter(|event| self.beyond.insert(event.id.ulid())).collect();
        let complete_to = if more { visible.min(read) } else { visible };
        if complete_to > self.whole {
            self.whole = complete_to;
            self.beyond = self.beyond.split_off(&complete_to);
        }
        self.round = more.then_some((read, visible));
        Ok(Heard { events, more })
    }

    /// Returns the last identifier before the watermark: all events up to it are visible. `X-As-Of` of a list is the
    /// same watermark.
    async fn visible(&self, store: &DynStore) -> Result<Ulid, StoreError> {
        let no_filter = SubscriptionFilter::default();
        let page = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        let page = Reader::<WebhookSubscription>::list(store, self.organization, &no_filter, &page).await?;
        Ok(before(page.as_of))
    }
}

/// Returns the largest identifier that is smaller than those of this time.
fn before(at: Timestamp) -> Ulid {
    let first = Ulid::from_parts(u64::try_from(at.millis()).unwrap_or(0), 0);
    Ulid(first.0.saturating_sub(1))
}
