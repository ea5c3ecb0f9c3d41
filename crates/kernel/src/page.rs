//! Pages: bounded slices of a collection in a fixed order, continued from a position and never by counting.

use ulid::Ulid;

use crate::{
    resource::{Resource, Stored},
    timestamp::Timestamp,
};

/// In which order a collection is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// By creation, newest first. Identifiers hold the millisecond of creation, so this is their order reversed.
    #[default]
    Newest,
    /// By last change, oldest first: for those who catch up.
    Changed,
}

/// How many records a page holds at most: 1 to 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The most a page may hold.
    pub const MAX: u16 = 200;

    /// Clamped to 1 and [`Self::MAX`].
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

    /// As a number.
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

/// Where a page ended: in its order the place of its last record, or of the last that was looked at and did not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In [`Order::Newest`].
    Newest(Ulid),
    /// In [`Order::Changed`].
    Changed(Timestamp, Ulid),
}

/// Spans of time a list is narrowed to; each is open where it is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Created at or after.
    pub created_after: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// Changed last at or after.
    pub updated_after: Option<Timestamp>,
    /// Changed last before.
    pub updated_before: Option<Timestamp>,
}

impl Window {
    /// Whether a record with these times is inside.
    #[must_use]
    pub fn holds(&self, created_at: Timestamp, updated_at: Timestamp) -> bool {
        self.created_after.is_none_or(|from| created_at >= from)
            && self.created_before.is_none_or(|until| created_at < until)
            && self.updated_after.is_none_or(|from| updated_at >= from)
            && self.updated_before.is_none_or(|until| updated_at < until)
    }
}

/// Which slice of a collection is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// How many at most.
    pub limit: PageLimit,
    /// In which order.
    pub order: Order,
    /// After which place; from the start where it is `None`. Its order is [`Self::order`].
    pub after: Option<Position>,
    /// Within which times.
    pub window: Window,
}

/// A slice of a collection.
///
/// A store may end a page before it is full, so that what a page costs is bounded though little matches: a page may hold
/// few records or none while more follow. Only [`Self::next`] tells whether a walk is at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The records, at most as many as were asked for.
    pub items: Vec<T>,
    /// Where the next page starts, after everything this one looked at; `None` at the end.
    pub next: Option<Position>,
    /// No change stamped before this moment can still become visible: handed to the next catch-up as its start, nothing
    /// is missed (contract v1 § 6).
    pub as_of: Timestamp,
}

impl Order {
    /// The place of a record in this order.
    #[must_use]
    pub fn position<R: Resource>(self, stored: &Stored<R>) -> Position {
        match self {
            Self::Newest => Position::Newest(stored.meta.ulid()),
            Self::Changed => Position::Changed(stored.meta.updated_at, stored.meta.ulid()),
        }
    }
}

impl<T> Page<T> {
    /// A page out of rows that were fetched one past its limit, so that the last page is known without another query.
    #[must_use]
    pub fn from_overfetch(
        mut rows: Vec<T>,
        limit: PageLimit,
        as_of: Timestamp,
        position: impl Fn(&T) -> Position,
    ) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = rows.last().filter(|_| more).map(position);
        Self { items: rows, next, as_of }
    }
}
