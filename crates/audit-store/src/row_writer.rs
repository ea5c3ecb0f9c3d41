//! The rows that a process writes.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use audit::{RowKey, tables::WaitingRow};
use kernel::{Entry, StoreError, Timestamp, Ulid};

use crate::{
    number_ranges::NumberRanges,
    rows::{self, MAX_UNPACKED, RowAttempt, RowContent, RowHeader, derived_random, ulid_time},
};

/// Maximum number of bytes of a row's entries, and of entries of a row.
const MAX_PACKED: usize = 1 << 20;
const MAX_ENTRIES: usize = audit_runs::MAX_ENTRIES;

/// Time without entries after which a process continues under another identity, so that what the sealer keeps about it
/// can be deleted.
const MAX_IDLE: Duration = Duration::from_secs(24 * 3600);

/// Numbers and authenticates the rows of a process.
///
/// Numbers are taken in order, and each is either that of a row that was stored or given up: so nobody can remove a row
/// without a trace. Later rows name the numbers that were given up, until one of them is stored.
pub struct RowWriter {
    shared: Arc<Mutex<Numbers>>,
    key: Mutex<Option<Arc<dyn RowKey>>>,
}

struct Numbers {
    writer: Ulid,
    /// The last number that was taken; 0 if none was.
    last: u64,
    given_up: NumberRanges,
    /// The number of rows that are prepared and neither stored nor given up.
    in_flight: usize,
    /// The number of rows stored with entries, and of numbers given up: those after which an empty row is due.
    events: u64,
    /// [`Self::events`] when the last empty row that is stored was made.
    settled: u64,
    /// The time of the last row.
    last_at: Timestamp,
}

/// A row that is about to be stored. If it is dropped before [`Self::stored`], its number is given up: whether it was
/// stored is not known, or it was not.
pub struct PreparedRow {
    /// The row.
    pub row: WaitingRow,
    key: Arc<dyn RowKey>,
    shared: Arc<Mutex<Numbers>>,
    writer: Ulid,
    number: u64,
    given_up: Vec<RangeInclusive<u64>>,
    /// [`Numbers::events`] when the row was made, if it is empty.
    settles: Option<u64>,
    is_stored: bool,
}

impl RowWriter {
    /// Creates the writer of a process, which has no key yet.
    #[must_use]
    pub fn new(process: Ulid) -> Self {
        Self { shared: Arc::new(Mutex::new(Numbers::new(process))), key: Mutex::default() }
    }

    /// Sets the key that authenticates rows.
    pub fn set_key(&self, key: Arc<dyn RowKey>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    /// The key, if it is set.
    #[must_use]
    pub fn key(&self) -> Option<Arc<dyn RowKey>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes rows of entries, in one or several of them if they are large. There is at least one entry. All of the rows
    /// must be stored in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the key is not set.
    pub fn prepare(&self, entries: &[&Entry]) -> Result<Vec<PreparedRow>, StoreError> {
        let key = self.required_key()?;
        let mut contents = Vec::with_capacity(1);
        for entries in entries.chunks(MAX_ENTRIES) {
            encode(entries, &mut contents);
        }
        let row = |content: RowContent| {
            let taken = lock(&self.shared).take(content.at(), false, false);
            self.row(content, taken, &key)
        };
        Ok(contents.into_iter().map(row).collect())
    }

    /// Makes the empty row that follows the others, if one is due: see [`audit::HasAuditTables::settle_rows`]. A process
    /// that ends asks for its last one. If the outcome of storing it is unknown, it must be dropped, not repeated.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the key is not set.
    pub fn prepare_empty(&self, now: Timestamp, is_last: bool) -> Result<Option<PreparedRow>, StoreError> {
        let mut numbers = lock(&self.shared);
        let is_due = numbers.events > numbers.settled;
        let is_idle = numbers.in_flight == 0 && numbers.last_at.distance(now) > MAX_IDLE;
        if numbers.last == 0 || !(is_last || is_due || is_idle) {
            return Ok(None);
        }
        let key = self.required_key()?;
        let taken = numbers.take(now, true, is_last || !is_due);
        drop(numbers);
        Ok(Some(self.row(RowContent::none(now), taken, &key)))
    }

    fn required_key(&self) -> Result<Arc<dyn RowKey>, StoreError> {
        self.key().ok_or_else(|| {
            StoreError::Unavailable("the key that authenticates rows of the audit log is not set".into())
        })
    }

    fn row(&self, content: RowContent, taken: (RowHeader, Option<u64>), key: &Arc<dyn RowKey>) -> PreparedRow {
        let (header, settles) = taken;
        PreparedRow {
            row: content.into_row(&header, &**key),
            key: Arc::clone(key),
            shared: Arc::clone(&self.shared),
            writer: header.writer,
            number: header.number,
            given_up: header.given_up,
            settles,
            is_stored: false,
        }
    }
}

/// Encodes entries in halves until none is too large.
fn encode(entries: &[&Entry], contents: &mut Vec<RowContent>) {
    let content = RowContent::of(entries);
    let (packed, unpacked) = content.lengths();
    if entries.len() > 1 && (packed > MAX_PACKED || unpacked > MAX_UNPACKED) {
        let (first, second) = entries.split_at(entries.len() / 2);
        encode(first, contents);
        encode(second, contents);
    } else {
        contents.push(content);
    }
}

impl Numbers {
    fn new(writer: Ulid) -> Self {
        Self {
            writer,
            last: 0,
            given_up: NumberRanges::default(),
            in_flight: 0,
            events: 0,
            settled: 0,
            last_at: ulid_time(writer),
        }
    }

    /// Takes the next number for a row with this time. Also returns what an empty row settles.
    fn take(&mut self, at: Timestamp, is_empty: bool, is_last: bool) -> (RowHeader, Option<u64>) {
        self.last += 1;
        self.last_at = at;
        self.in_flight += 1;
        let header = RowHeader {
            writer: self.writer,
            number: self.last,
            given_up: self.given_up.ranges(),
            is_last,
            attempt: RowAttempt::First,
        };
        let settles = is_empty.then_some(self.events);
        if is_last {
            // Whatever follows is written under an identity of its own.
            let random = derived_random(b"novantra/audit-writer", self.writer, self.last);
            *self = Self::new(Ulid(at.first_ulid().0 | random));
        }
        (header, settles)
    }
}

impl PreparedRow {
    /// The row was stored.
    pub fn stored(mut self) {
        self.is_stored = true;
    }

    /// The same row, for a further attempt after one with an unknown outcome: it has the same key, a mark that its tag
    /// covers, and a negative number of entries.
    #[must_use]
    pub fn repeated(&self) -> WaitingRow {
        rows::repeated(&self.row, &*self.key)
    }
}

impl Drop for PreparedRow {
    fn drop(&mut self) {
        let mut numbers = lock(&self.shared);
        if numbers.writer != self.writer {
            return;
        }
        numbers.in_flight -= 1;
        if self.is_stored {
            for range in &self.given_up {
                numbers.given_up.remove(range.clone());
            }
            match self.settles {
                Some(settled) => numbers.settled = numbers.settled.max(settled),
                None => numbers.events += 1,
            }
        } else {
            numbers.given_up.add(self.number..=self.number);
            numbers.given_up.shorten();
            numbers.events += 1;
        }
    }
}

fn lock(shared: &Mutex<Numbers>) -> MutexGuard<'_, Numbers> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
