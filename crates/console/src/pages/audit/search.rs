//! Searches of the audit log for what no index of it has: they look at a bounded number of entries.

use std::time::Duration;

use async_trait::async_trait;
use audit::{AuditFilter, AuditLog, StoredEntry};
use kernel::{
    Entry, Id, Order, OrganizationId, PageLimit, PageRequest, Position, RecordStream, RequestId, StoreError, TimeRange,
    Timestamp,
};
use store::DynStore;

use super::summaries::{changes, counts_calls};

/// The most pages that a search reads, of 200 entries each.
const MAX_PAGES: usize = 10;

/// The time after the beginning of a request in which its entries are searched: that of a refused call is written at once,
/// the one for the calls like it a minute later, and that of an interrupted download when it ends.
const AFTER_REQUEST: Duration = Duration::from_secs(60 * 60);

/// The entries that are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Those of this request.
    pub(super) request: Option<Id<RequestId>>,
    /// Those of calls that changed something.
    pub(super) changes_only: bool,
}

/// The entries that a search has found.
pub(in crate::pages) struct Found {
    pub(in crate::pages) items: Vec<StoredEntry>,
    /// Where the search goes on, if it has not come to the end of the log or of its time range.
    pub(in crate::pages) next: Option<Position>,
    /// The time of the last entry that was looked at.
    pub(in crate::pages) searched_to: Option<Timestamp>,
}

impl Wanted {
    /// Whether every entry is wanted.
    pub(super) fn is_any(self) -> bool {
        self == Self::default()
    }

    /// Whether the entry is wanted.
    pub(super) fn includes(self, entry: &Entry) -> bool {
        self.request.is_none_or(|request| entry.origin.request_id == request)
            && (!self.changes_only || is_change(entry))
    }

    /// The order and the times to search. The entries of a request follow it soon, so they are searched from its beginning,
    /// which its identifier has.
    pub(super) fn restrict(self, page: &mut PageRequest) {
        let Some(request) = self.request else { return };
        page.order = Order::Changed;
        restrict_to_request(request, &mut page.time_range);
    }
}

/// Restricts a range to the time in which a request has its entries.
pub(super) fn restrict_to_request(request: Id<RequestId>, range: &mut TimeRange) {
    let begun = Timestamp::from_millis(i64::try_from(request.ulid().timestamp_ms()).unwrap_or(i64::MAX));
    let end = begun + AFTER_REQUEST;
    range.created_after = Some(range.created_after.map_or(begun, |after| after.max(begun)));
    range.created_before = Some(range.created_before.map_or(end, |before| before.min(end)));
}

/// Whether the call has changed something: it was not refused, and has a reason or changed fields.
fn is_change(entry: &Entry) -> bool {
    let was_accepted = entry.status.is_none_or(|status| status < 400);
    was_accepted && !counts_calls(entry) && (entry.reason.is_some() || !changes(entry).is_empty())
}

/// Looks at up to 2,000 entries that match the filter for those that are wanted, and stops when a page is full.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(super) async fn search(
    store: &DynStore,
    organization: OrganizationId,
    filter: &AuditFilter,
    page: &PageRequest,
    wanted: Wanted,
) -> Result<Found, StoreError> {
    let mut request = PageRequest { limit: PageLimit::clamped(PageLimit::MAX.into()), ..*page };
    wanted.restrict(&mut request);
    let mut found = Found { items: Vec::new(), next: None, searched_to: None };
    for _ in 0..MAX_PAGES {
        let read = AuditLog::entries(store, organization, filter, &request).await?;
        let count = read.items.len();
        for (index, stored) in read.items.into_iter().enumerate() {
            found.searched_to = Some(stored.entry.occurred_at);
            if !wanted.includes(&stored.entry) {
                continue;
            }
            let position = request.order.entry_position(&stored.entry);
            found.items.push(stored);
            if found.items.len() == page.limit.get() {
                let is_last = index + 1 == count && read.next.is_none();
                found.next = (!is_last).then_some(position);
                return Ok(found);
            }
        }
        found.next = read.next;
        request.after = read.next;
        if read.next.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Returns the first entries of a request, at most `limit`.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(in crate::pages) async fn of_request(
    store: &DynStore,
    organization: OrganizationId,
    request: Id<RequestId>,
    limit: u64,
) -> Result<Vec<StoredEntry>, StoreError> {
    let page = PageRequest { limit: PageLimit::clamped(limit), ..PageRequest::default() };
    let wanted = Wanted { request: Some(request), ..Wanted::default() };
    Ok(search(store, organization, &AuditFilter::default(), &page, wanted).await?.items)
}

/// The wanted entries of a stream.
pub(super) struct WantedEntries {
    pub(super) entries: Box<dyn RecordStream<StoredEntry>>,
    pub(super) wanted: Wanted,
}

#[async_trait]
impl RecordStream<StoredEntry> for WantedEntries {
    async fn next(&mut self) -> Result<Option<Vec<StoredEntry>>, StoreError> {
        while let Some(mut batch) = self.entries.next().await? {
            batch.retain(|stored| self.wanted.includes(&stored.entry));
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}
