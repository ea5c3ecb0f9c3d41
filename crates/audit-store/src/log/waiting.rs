//! The entries that wait for their seal, read in pages of rows, of which only what matches is kept.

use std::collections::BTreeMap;

use audit::tables::{MAX_RECENT_ROWS, Recent, RunKey, StoredHead, WaitingRow};
use kernel::{Entry, OrganizationId, StoreError, Ulid};

use super::{
    reader::Reader,
    sizes::text_bytes,
    view::View,
    wanted::Wanted,
    window::{Direction, Rank, Window},
};

/// The interest of a caller in the entries that wait.
pub(crate) trait WaitingVisitor: Send {
    /// The greatest identifier of an entry that is wanted. Rows of later times are not read.
    fn last_id(&self) -> Ulid;

    /// Takes the entries of the organization in a row; there is at least one.
    fn visit(&mut self, row: &WaitingRow, entries: Vec<Entry>);
}

impl Reader {
    /// Visits the entries of an organization that wait, and returns the state of its log, which is read after them. An
    /// entry may be visited twice, and may be in the chain already.
    pub(crate) async fn view_with(
        &self,
        organization: OrganizationId,
        visitor: &mut impl WaitingVisitor,
    ) -> Result<View, StoreError> {
        let Recent { waiting, runs, head } = self.tables.recent(organization).await?;
        let (shared, own) = if organization == OrganizationId::INSTALLATION {
            (Vec::new(), waiting)
        } else {
            waiting.into_iter().partition(|row| row.key.organization != organization)
        };
        let is_complete = shared.len() < MAX_RECENT_ROWS && own.len() < MAX_RECENT_ROWS;
        let has_all_shared = shared.len() < MAX_RECENT_ROWS;
        if organization != OrganizationId::INSTALLATION {
            self.visit_rows(organization, OrganizationId::INSTALLATION, shared, visitor).await?;
        }
        // Parts of shared rows move to rows of their organizations: rows of its own that were read before are not enough.
        let own =
            if has_all_shared { own } else { self.tables.waiting_of(organization, None, MAX_RECENT_ROWS).await? };
        self.visit_rows(organization, organization, own, visitor).await?;
        let state: Option<(Vec<RunKey>, Option<StoredHead>)> = is_complete.then_some((runs, head));
        self.contiguous_view(organization, state).await
    }

    /// Visits the rows under a key, of which these are the first.
    async fn visit_rows(
        &self,
        organization: OrganizationId,
        owner: OrganizationId,
        mut rows: Vec<WaitingRow>,
        visitor: &mut impl WaitingVisitor,
    ) -> Result<(), StoreError> {
        loop {
            for row in &rows {
                // A row has the time of its first entry.
                if row.key.id.timestamp_ms() > visitor.last_id().timestamp_ms() {
                    return Ok(());
                }
                let entries = self.row_entries(organization, row);
                if !entries.is_empty() {
                    visitor.visit(row, entries);
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() == MAX_RECENT_ROWS) else { return Ok(()) };
            rows = self.tables.waiting_of(owner, Some(last.key.id), MAX_RECENT_ROWS).await?;
        }
    }
}

/// The first of the wanted entries that wait, in the order of a list.
pub(crate) struct WaitingMatches<'wanted> {
    wanted: &'wanted Wanted,
    window: Window,
    max_entries: usize,
    max_bytes: usize,
    entries: BTreeMap<Rank, Entry>,
    bytes: usize,
    /// The first rank of a wanted entry that is left out.
    end: Option<Rank>,
    /// Whether rows are no longer read once none of their entries would be kept.
    can_end: bool,
    high_id: Ulid,
}

impl<'wanted> WaitingMatches<'wanted> {
    /// Those of a window, up to this number, and up to the one with which their texts reach this number of bytes.
    pub(crate) fn new(wanted: &'wanted Wanted, window: Window, max_entries: usize, max_bytes: usize) -> Self {
        Self {
            wanted,
            window,
            max_entries: max_entries.max(1),
            max_bytes,
            entries: BTreeMap::new(),
            bytes: 0,
            end: None,
            can_end: true,
            high_id: Ulid::nil(),
        }
    }

    /// Reads all rows, so that [`Self::high_id`] is the greatest identifier.
    pub(crate) fn through_all_rows(self) -> Self {
        Self { can_end: false, ..self }
    }

    /// The greatest identifier of an entry of the organization in the rows that were read.
    pub(crate) fn high_id(&self) -> Ulid {
        self.high_id
    }

    /// Takes an entry if it is wanted.
    pub(crate) fn push(&mut self, entry: Entry) {
        let id = entry.id.ulid();
        self.high_id = self.high_id.max(id);
        let rank = self.window.direction.rank(id);
        let is_kept = self.window.contains(id) && self.end.is_none_or(|end| rank < end) && self.wanted.matches(&entry);
        if !is_kept {
            return;
        }
        let bytes = text_bytes(&entry);
        // It may come twice if its row was set aside meanwhile.
        if self.entries.insert(rank, entry).is_none() {
            self.bytes += bytes;
        }
        while let Some((rank, last)) = self.entries.last_key_value() {
            let (rank, last) = (*rank, text_bytes(last));
            if self.entries.len() <= self.max_entries && self.bytes - last < self.max_bytes {
                return;
            }
            self.bytes -= last;
            self.entries.remove(&rank);
            self.end = Some(rank);
        }
    }

    /// Returns the entries in the order of the list, and the first rank of one that was left out.
    pub(crate) fn into_entries(self) -> (Vec<Entry>, Option<Rank>) {
        (self.entries.into_values().collect(), self.end)
    }
}

impl WaitingVisitor for WaitingMatches<'_> {
    fn last_id(&self) -> Ulid {
        let in_window = self.window.ids().map_or(Ulid::nil(), |(_, last)| last);
        match (self.window.direction, self.end) {
            _ if !self.can_end => Ulid::max(),
            (Direction::Up, Some(end)) => in_window.min(Ulid(end)),
            _ => in_window,
        }
    }

    fn visit(&mut self, _: &WaitingRow, entries: Vec<Entry>) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

#[cfg(test)]
mod tests {
    use audit::AuditFilter;
    use kernel::{Id, Timestamp};
    use store_contract::{TestEntropy, samples};

    use super::*;

    fn entry(at: i64) -> Entry {
        let organization = OrganizationId::new(Ulid(1));
        let entry = samples::entry(&TestEntropy::default(), organization, Timestamp::from_millis(at));
        Entry { id: Id::new(Timestamp::from_millis(at).first_ulid()), ..entry }
    }

    #[test]
    fn no_more_entries_are_kept_than_a_page_has() {
        let wanted = Wanted::Matching(AuditFilter::default());
        let one = text_bytes(&entry(1));
        for (direction, expected, end) in [(Direction::Down, [90, 89, 88], 87), (Direction::Up, [11, 12, 13], 14)] {
            for (max_entries, max_bytes) in [(3, usize::MAX), (1_000, 3 * one)] {
                let window = Window::all(direction);
                let mut matches = WaitingMatches::new(&wanted, window, max_entries, max_bytes);
                for at in 0..80 {
                    matches.push(entry(11 + at * 37 % 80));
                    matches.push(entry(11 + at * 37 % 80));
                    assert!(matches.entries.len() <= 3 && matches.bytes <= 3 * one);
                }
                let rank = direction.rank(Timestamp::from_millis(end).first_ulid());
                let last_id = if direction == Direction::Up { Ulid(rank) } else { Ulid::max() };
                assert_eq!(matches.last_id(), last_id, "later rows have nothing that is kept");
                let (kept, first_left_out) = matches.into_entries();
                assert_eq!((kept, first_left_out), (expected.map(entry).to_vec(), Some(rank)));
            }
        }
    }
}
