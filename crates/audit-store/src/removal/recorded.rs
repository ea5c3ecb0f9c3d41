//! Verification that the log itself records what was removed of it. The head that says so is in no tag, so whoever can write
//! to the database could have it say anything.

use audit::{AuditFilter, ENTRIES_REMOVED, recorded_removal, tables::StoredHead};
use kernel::{PageLimit, PageRequest, StoreError, Timestamp};

use crate::{inclusion::is_in_tree, log::StoredLog};

/// The maximum number of pages of records that are looked through. A removal is among the newest of them.
const MAX_PAGES: usize = 64;

/// The number of records on a page.
const RECORDS: u64 = 10;

/// Returns whether the removal that a head states is recorded: by an entry of the tree that this installation has signed.
///
/// # Errors
/// [`StoreError`] if the store fails; [`StoreError::Corrupt`] if the head is not as this installation has stored it.
pub(crate) async fn is_recorded(log: &StoredLog, head: &StoredHead) -> Result<bool, StoreError> {
    log.verify_head_tag(head)?;
    let filter = AuditFilter { actions: [ENTRIES_REMOVED.as_str().to_owned()].into(), ..AuditFilter::default() };
    let mut page = PageRequest { limit: PageLimit::clamped(RECORDS), ..PageRequest::default() };
    for _ in 0..MAX_PAGES {
        let found = log.entries(head.organization, &filter, &page, Timestamp::MAX).await?;
        for stored in &found.items {
            if recorded_removal(&stored.entry) == Some(head.removed) && is_in_tree(log, head, stored).await? {
                return Ok(true);
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    Ok(false)
}
