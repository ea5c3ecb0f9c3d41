//! Pages: bounded slices of a collection in a fixed order. A page continues from a position, never from an offset.

use ulid::Ulid;

use crate::{
    entry::Entry,
    resource::{Resource, Stored},
    timestamp::Timestamp,
};

/// The size in bytes at which a page ends although it has fewer records than its limit. The record that reaches it is
/// still on the page, so that every page makes progress. Stores apply it to the texts that they read, and surfaces to
/// what they write.
pub const MAX_PAGE_BYTES: usize = 512 * 1024;

/// The order in which a collection is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// By creation, newest first. Identifiers contain the millisecond of creation, so this is their descending order.
    #[default]
    Newest,
    /// By last change, oldest first: the order for catching up with changes.
    Changed,
    /// By due date, soonest first; records without one come last. Only for records that can have one
    /// ([`Resource::HAS_DUE_DATE`]).
    Due,
}

/// The maximum number of records on a page: 1 to 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The highest possible limit.
    pub const MAX: u16 = 200;

    /// Creates a limit, clamped to the range from 1 to [`Self::MAX`].
    #[must_use]
    pub const fn clamped(limit: u64) -> Self {
        Self(if limit == 0 {
            1
        } else if limit > Self::MAX as u64 {
            Self::MAX
        } else {
            limit as u16
        })
    }

    /// The limit as a number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(50)
    }
}

/// The position at which a page ends: the sort key of the last record scanned, which is on the page or did not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// A position in [`Order::Newest`].
    Newest(Ulid),
    /// A position in [`Order::Changed`].
    Changed(Timestamp, Ulid),
    /// A position in [`Order::Due`]; `None` among the records without a due date.
    Due(Option<Timestamp>, Ulid),
}

/// The ranges of creation times, change times and due dates that a list is restricted to. A bound that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The earliest creation time, inclusive.
    pub created_after: Option<Timestamp>,
    /// The latest creation time, exclusive.
    pub created_before: Option<Timestamp>,
    /// The earliest time of the last change, inclusive.
    pub updated_after: Option<Timestamp>,
    /// The latest time of the last change, exclusive.
    pub updated_before: Option<Timestamp>,
    /// The earliest due date, inclusive. With a bound of the due date, records without one are left out. Only for records
    /// that can have one ([`Resource::HAS_DUE_DATE`]).
    pub due_after: Option<Timestamp>,
    /// The latest due date, exclusive.
    pub due_before: Option<Timestamp>,
}

impl TimeRange {
    /// Returns whether there is a bound of the due date.
    #[must_use]
    pub const fn has_due_bound(&self) -> bool {
        self.due_after.is_some() || self.due_before.is_some()
    }

    /// Returns whether a record with these times is within the ranges.
    #[must_use]
    pub fn contains(&self, created_at: Timestamp, updated_at: Timestamp, due_at: Option<Timestamp>) -> bool {
        self.created_after.is_none_or(|from| created_at >= from)
            && self.created_before.is_none_or(|until| created_at < until)
            && self.updated_after.is_none_or(|from| updated_at >= from)
            && self.updated_before.is_none_or(|until| updated_at < until)
            && self.due_after.is_none_or(|from| due_at.is_some_and(|due_at| due_at >= from))
            && self.due_before.is_none_or(|until| due_at.is_some_and(|due_at| due_at < until))
    }
}

/// A request for one page of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The maximum number of records.
    pub limit: PageLimit,
    /// The order of the records.
    pub order: Order,
    /// The position after which the page starts, in [`Self::order`]; `None` for the first page.
    pub after: Option<Position>,
    /// The times that the records must be within.
    pub time_range: TimeRange,
}

/// One page of a collection.
///
/// A store may end a page before it is full, so that the cost of a page is bounded even if few records match: a page
/// may have few records or none although more follow. Only [`Self::next`] indicates the end of the collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The records, at most [`PageRequest::limit`].
    pub items: Vec<T>,
    /// The position after which the next page starts, behind every record scanned for this one; `None` at the end.
    pub next: Option<Position>,
    /// The low watermark: no change with an earlier timestamp can still become visible. A catch-up that starts from
    /// this time misses nothing (contract v1 § 6).
    pub as_of: Timestamp,
}

impl Order {
    /// The position of a record in this order.
    #[must_use]
    pub fn position<R: Resource>(self, stored: &Stored<R>) -> Position {
        match self {
            Self::Newest => Position::Newest(stored.meta.ulid()),
            Self::Changed => Position::Changed(stored.meta.updated_at, stored.meta.ulid()),
            Self::Due => Position::Due(Resource::due_at(&stored.record), stored.meta.ulid()),
        }
    }
}

impl Order {
    /// The position of an audit entry in this order. Entries never change and have no due dates, so both other orders
    /// than the newest first are that of their times.
    #[must_use]
    pub fn entry_position(self, entry: &Entry) -> Position {
        match self {
            Self::Newest => Position::Newest(entry.id.ulid()),
            Self::Changed | Self::Due => Position::Changed(entry.occurred_at, entry.id.ulid()),
        }
    }
}

impl<T> Page<T> {
    /// Creates a page from rows that were fetched with one row beyond the limit, so that the last page is recognized
    /// without another query.
    #[must_use]
    pub fn from_overfetch(
        mut rows: Vec<T>,
        limit: PageLimit,
        as_of: Timestamp,
        position: impl Fn(&T) -> Position,
    ) -> Self {
        let has_more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = rows.last().filter(|_| has_more).map(position);
        Self { items: rows, next, as_of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, Organization, OrganizationId, Record as _};

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_limit_is_clamped_to_1_to_200() {
        let clamped = |limit| PageLimit::clamped(limit).get();
        assert_eq!([0, 1, 2, 199, 200, 201, u64::MAX].map(clamped), [1, 1, 2, 199, 200, 200, 200]);
        assert_eq!(PageLimit::default().get(), 50);
    }

    #[test]
    fn a_time_range_includes_its_start_and_excludes_its_end() {
        let created = TimeRange { created_after: Some(at(10)), created_before: Some(at(20)), ..TimeRange::default() };
        let updated = TimeRange { updated_after: Some(at(10)), updated_before: Some(at(20)), ..TimeRange::default() };
        let due = TimeRange { due_after: Some(at(10)), due_before: Some(at(20)), ..TimeRange::default() };
        for (time, expected) in [(9, false), (10, true), (19, true), (20, false), (21, false)] {
            assert_eq!(created.contains(at(time), at(99), None), expected, "{time}");
            assert_eq!(updated.contains(at(0), at(time), None), expected, "{time}");
            assert_eq!(due.contains(at(0), at(0), Some(at(time))), expected, "{time}");
        }
        assert!(TimeRange::default().contains(Timestamp::MIN, Timestamp::MAX, None));
    }

    #[test]
    fn a_record_without_a_due_date_is_outside_of_every_range_of_due_dates() {
        for (due_after, due_before) in [(Some(Timestamp::MIN), None), (None, Some(Timestamp::MAX))] {
            let range = TimeRange { due_after, due_before, ..TimeRange::default() };
            assert!(range.has_due_bound() && !range.contains(at(1), at(1), None));
        }
        assert!(!TimeRange::default().has_due_bound());
    }

    #[test]
    fn a_record_is_within_a_time_range_only_if_it_is_within_every_bound() {
        let range = TimeRange {
            created_after: Some(at(10)),
            created_before: Some(at(20)),
            updated_after: Some(at(30)),
            updated_before: Some(at(40)),
            due_after: None,
            due_before: None,
        };
        assert!(range.contains(at(10), at(30), None));
        for (created_at, updated_at) in [(9, 30), (20, 30), (10, 29), (10, 40)] {
            assert!(!range.contains(at(created_at), at(updated_at), None), "{created_at} and {updated_at}");
        }
    }

    #[test]
    fn the_position_of_a_record_is_its_sort_key_in_the_order() {
        let stored = Stored::new(OrganizationId::INSTALLATION, Id::new(Ulid(7)), at(5), Organization::example());
        assert_eq!(Order::Newest.position(&stored), Position::Newest(Ulid(7)));
        assert_eq!(Order::Changed.position(&stored), Position::Changed(at(5), Ulid(7)));
        assert_eq!(Order::Due.position(&stored), Position::Due(None, Ulid(7)));
    }

    #[test]
    fn a_page_continues_only_if_a_row_beyond_its_limit_was_fetched() {
        let page = |rows: u128| {
            let rows = (1..=rows).collect();
            let page = Page::from_overfetch(rows, PageLimit::clamped(2), at(3), |row| Position::Newest(Ulid(*row)));
            assert_eq!(page.as_of, at(3));
            (page.items, page.next)
        };
        assert_eq!(page(0), (vec![], None));
        assert_eq!(page(1), (vec![1], None));
        assert_eq!(page(2), (vec![1, 2], None));
        assert_eq!(page(3), (vec![1, 2], Some(Position::Newest(Ulid(2)))));
    }
}
