//! The random parts of ULIDs, by their differences.
//!
//! A server counts up within a millisecond (`crypto::SystemEntropy`): the identifiers of requests, entries and records of
//! one millisecond differ little, and only the first of them has 10 bytes that nothing predicts. So each random part is
//! stored as its difference to one that came before: of the same millisecond, or the one directly before, of whichever
//! millisecond. One that is near to none is stored whole.

use kernel::Ulid;

use crate::{
    bytes::{Reader, from_zigzag, zigzag},
    columns::{put_column, read_column},
    fault::RunFault,
    frame::Content,
    identifier::{random_bytes, random_of},
};

/// The random part is stored whole.
const WHOLE: u64 = 0;

/// The random part is near to the one before.
const LAST: u64 = 1;

/// The random part is near to the first that is remembered for its millisecond; the codes of further ones follow.
const SAME_MILLISECOND: u64 = 2;

/// A difference below this is stored in at most three bytes.
const NEAR: i128 = 1 << 22;

/// The random parts that are remembered for one millisecond: one for each of as many servers.
const PER_MILLISECOND: usize = 4;

/// The number of milliseconds that are remembered of the identifiers of entries and requests, which follow each other.
const CALL_SLOTS: usize = 64;

/// The number of milliseconds that are remembered of subjects, which were created at any time.
const SUBJECT_SLOTS: usize = 256;

const RANDOM_MASK: u128 = (1 << 80) - 1;

/// The random parts that came before.
#[derive(Clone)]
pub(crate) struct Neighbours {
    last: u128,
    slot_count: usize,
    /// Empty until one is used: most runs are small.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    millis: u64,
    count: usize,
    /// The most recently used first.
    randoms: [u128; PER_MILLISECOND],
}

impl Neighbours {
    /// Returns none, for the identifiers of entries and requests.
    pub(crate) fn of_calls() -> Self {
        Self { last: 0, slot_count: CALL_SLOTS, slots: Vec::new() }
    }

    /// Returns none, for subjects.
    pub(crate) fn of_subjects() -> Self {
        Self { slot_count: SUBJECT_SLOTS, ..Self::of_calls() }
    }

    /// Returns the slot of this millisecond, which is emptied if it had those of another.
    fn slot(&mut self, millis: u64) -> &mut Slot {
        if self.slots.is_empty() {
            self.slots.resize(self.slot_count, Slot::default());
        }
        let slot = &mut self.slots[millis as usize % self.slot_count];
        if slot.millis != millis {
            *slot = Slot { millis, ..Slot::default() };
        }
        slot
    }

    /// Returns where the nearest one is, and the difference to it.
    fn find(&mut self, ulid: Ulid) -> (u64, u64) {
        let last = self.last;
        let slot = self.slot(ulid.timestamp_ms());
        let same = (SAME_MILLISECOND..).zip(slot.randoms[..slot.count].iter().copied());
        for (code, random) in same.chain([(LAST, last)]) {
            let difference = ulid.random() as i128 - random as i128;
            if (-NEAR..NEAR).contains(&difference) {
                return (code, zigzag(difference as i64));
            }
        }
        (WHOLE, 0)
    }

    /// Remembers a random part that was stored with this code.
    fn remember(&mut self, code: u64, millis: u64, random: u128) {
        self.last = random;
        let slot = self.slot(millis);
        // What it was near to is replaced by it; what was stored whole, or was near to another millisecond, is new.
        let replaced = match code.checked_sub(SAME_MILLISECOND) {
            Some(index) => index as usize,
            None => {
                slot.count = (slot.count + 1).min(PER_MILLISECOND);
                slot.count - 1
            }
        };
        slot.randoms.copy_within(..replaced, 1);
        slot.randoms[0] = random;
    }

    /// Returns the random part with this code in this millisecond.
    fn restore(&mut self, code: u64, difference: u64, millis: u64) -> Result<u128, RunFault> {
        let last = self.last;
        let slot = self.slot(millis);
        let near = match code.checked_sub(SAME_MILLISECOND) {
            Some(index) => slot.randoms[..slot.count].get(usize::try_from(index).unwrap_or(usize::MAX)).copied(),
            None => Some(last),
        };
        let near = near.ok_or_else(|| RunFault::new("an identifier is near to none that came before"))?;
        Ok(near.wrapping_add_signed(i128::from(from_zigzag(difference))) & RANDOM_MASK)
    }
}

/// The columns of random parts of one kind.
#[derive(Default)]
pub(crate) struct RandomColumns {
    codes: Vec<u64>,
    differences: Vec<u64>,
}

impl RandomColumns {
    /// Adds the random part of a ULID; `whole` takes what is stored whole.
    pub(crate) fn push(&mut self, neighbours: &mut Neighbours, ulid: Ulid, whole: &mut Vec<u8>) {
        let (code, difference) = neighbours.find(ulid);
        self.codes.push(code);
        if code == WHOLE {
            whole.extend_from_slice(&random_bytes(ulid.random()));
        } else {
            self.differences.push(difference);
        }
        neighbours.remember(code, ulid.timestamp_ms(), ulid.random());
    }

    pub(crate) fn put(&self, content: &mut Content) {
        put_column(content, &self.codes);
        put_column(content, &self.differences);
    }

    pub(crate) fn read(
        plain: &mut Reader<'_>,
        random: &mut Reader<'_>,
        count: usize,
    ) -> Result<RandomReader, RunFault> {
        let codes = read_column(plain, random, count)?;
        let near = codes.iter().filter(|code| **code != WHOLE).count();
        let differences = read_column(plain, random, near)?;
        Ok(RandomReader { codes: codes.into_iter(), differences: differences.into_iter() })
    }
}

/// The columns of random parts of one kind, from the front.
pub(crate) struct RandomReader {
    codes: std::vec::IntoIter<u64>,
    differences: std::vec::IntoIter<u64>,
}

impl RandomReader {
    /// Returns the next ULID, which is of this millisecond.
    pub(crate) fn next(
        &mut self,
        neighbours: &mut Neighbours,
        millis: u64,
        random: &mut Reader<'_>,
    ) -> Result<Ulid, RunFault> {
        let code = self.codes.next().ok_or_else(|| RunFault::new("a column of identifiers ends early"))?;
        let part = if code == WHOLE {
            random_of(random.array()?)
        } else {
            neighbours.restore(code, self.differences.next().unwrap_or(0), millis)?
        };
        neighbours.remember(code, millis, part);
        Ok(Ulid::from_parts(millis, part))
    }
}
