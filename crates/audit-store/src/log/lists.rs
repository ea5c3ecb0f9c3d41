//! Lists of entries.

use std::sync::Arc;

use audit::StoredEntry;
use kernel::{MAX_PAGE_BYTES, OrganizationId, Page, PageRequest, StoreError, Timestamp};

use super::{
    reader::{MAX_ATTEMPTS, Reader},
    scan::{MAX_SCANNED, Next, Scan},
    sizes::text_bytes,
    waiting::WaitingMatches,
    wanted::Wanted,
    window::{Direction, Window},
};

impl Reader {
    /// Returns a page of entries.
    pub(crate) async fn page(
        self: &Arc<Self>,
        organization: OrganizationId,
        wanted: &Wanted,
        page: &PageRequest,
        as_of: Timestamp,
    ) -> Result<Page<StoredEntry>, StoreError> {
        let window = Window::of_page(page);
        for _ in 0..MAX_ATTEMPTS {
            let scan = self.scan(organization, wanted, window, page.limit.get() + 1, MAX_PAGE_BYTES).await?;
            if let Some(page) = read_page(scan.with_limit(MAX_SCANNED), page, as_of).await? {
                return Ok(page);
            }
        }
        Err(moved(organization))
    }

    /// Returns the newest of the wanted entries, up to `limit`.
    pub(crate) async fn newest(
        self: &Arc<Self>,
        organization: OrganizationId,
        wanted: &Wanted,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut scan = self.scan(organization, wanted, Window::all(Direction::Down), limit, usize::MAX).await?;
            let mut found = Vec::new();
            let is_complete = loop {
                if found.len() == limit {
                    break true;
                }
                match scan.next().await? {
                    Next::Entry(stored) => found.push(*stored),
                    Next::Stopped(_) | Next::End => break true,
                    Next::Moved => break false,
                }
            };
            if is_complete {
                return Ok(found);
            }
        }
        Err(moved(organization))
    }

    /// Begins a search in the current state of the log for this number of entries, or until their texts have this number
    /// of bytes.
    async fn scan(
        self: &Arc<Self>,
        organization: OrganizationId,
        wanted: &Wanted,
        window: Window,
        batch: usize,
        max_bytes: usize,
    ) -> Result<Scan, StoreError> {
        let mut waiting = WaitingMatches::new(wanted, window, batch, max_bytes);
        self.old_waiting(Some(organization)).await?.into_iter().for_each(|entry| waiting.push(entry));
        let view = self.view_with(organization, &mut waiting).await?;
        let (waiting, end) = waiting.into_entries();
        let scan = Scan::new(Arc::clone(self), view, waiting, wanted.clone(), window, batch);
        Ok(scan.with_waiting_end(end))
    }
}

/// Reads a page; `None` if something was moved.
async fn read_page(
    mut scan: Scan,
    page: &PageRequest,
    as_of: Timestamp,
) -> Result<Option<Page<StoredEntry>>, StoreError> {
    let mut items: Vec<StoredEntry> = Vec::new();
    let mut bytes = 0;
    loop {
        let next = match scan.next().await? {
            Next::Entry(stored) if items.len() < page.limit.get() && bytes < MAX_PAGE_BYTES => {
                bytes += text_bytes(&stored.entry);
                items.push(*stored);
                continue;
            }
            Next::Entry(_) => items.last().map(|last| page.order.entry_position(&last.entry)),
            Next::Stopped(rank) => Direction::of(page.order).position_before(rank),
            Next::End => None,
            Next::Moved => return Ok(None),
        };
        return Ok(Some(Page { items, next, as_of }));
    }
}

/// The error of a log that was changed each time that it was read.
pub(crate) fn moved(organization: OrganizationId) -> StoreError {
    StoreError::Corrupt(format!("entries of {organization} are in no table although their keys are").into())
}
