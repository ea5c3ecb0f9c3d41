//! Entries that are still read in the old form.

use std::time::Duration;

use audit::{AuditFilter, AuditTables, StoredEntry};
use kernel::{PageLimit, PageRequest, StoreError, TimeRange, Ulid};

use super::{
    view::View,
    wanted::Wanted,
    window::{Rank, Window},
};
use crate::rows::ulid_time;

/// The entries of the old form, in the order of a search.
pub(crate) struct OldSource {
    filter: AuditFilter,
    window: Window,
    limit: PageLimit,
    /// The first rank that was not read; `None` at the end.
    unread: Option<Rank>,
}

impl OldSource {
    pub(crate) fn new(wanted: &Wanted, window: Window, limit: usize) -> Self {
        let limit = PageLimit::clamped(limit as u64);
        let unread = window.ids().map(|_| window.start);
        Self { filter: wanted.filter(), window, limit, unread }
    }

    /// The first rank that an unread entry may have.
    pub(crate) fn unread(&self) -> Option<Rank> {
        self.unread
    }

    /// Reads the next entries. Those that are in a run as well are left out.
    pub(crate) async fn read(&mut self, tables: &dyn AuditTables, view: &View) -> Result<Vec<StoredEntry>, StoreError> {
        let Some(unread) = self.unread else { return Ok(Vec::new()) };
        let direction = self.window.direction;
        let request = PageRequest {
            limit: self.limit,
            order: direction.order(),
            after: direction.position_before(unread),
            time_range: self.time_range(),
        };
        let page = tables.old_entries(view.organization, &self.filter, &request).await?;
        let next = page.next.and_then(|position| direction.rank_behind(position));
        self.unread = next.filter(|next| *next <= self.window.end);
        let is_old = |stored: &StoredEntry| stored.seal.is_some_and(|seal| seal.sequence <= view.old_through());
        Ok(page.items.into_iter().filter(is_old).collect())
    }

    /// The times of the window's identifiers.
    fn time_range(&self) -> TimeRange {
        let Some((first, last)) = self.window.ids() else { return TimeRange::default() };
        let until = (last != Ulid::max()).then(|| ulid_time(last) + Duration::from_millis(1));
        TimeRange { created_after: Some(ulid_time(first)), created_before: until, ..TimeRange::default() }
    }
}
