//! The rows of a round: they are read in the order of their keys, over several rounds if there are many.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use audit::{
    AuditTables, RowKey,
    tables::{WaitingKey, WaitingRow},
};
use kernel::{OrganizationId, StoreError, Timestamp, Ulid};

use crate::rows::{ReadRow, RowFault, read_row, ulid_time};

/// Maximum number of rows and of bytes of their bodies that are read in a round.
const MAX_ROWS: usize = 1024;
const MAX_BYTES: usize = 4 << 20;

/// Maximum number of chains that a round continues, and of entries of one of them. A single row may have more.
pub(super) const MAX_CHAINS: usize = 64;
pub(super) const MAX_ENTRIES: usize = 2000;

/// Time for which the key of a row that was stored again stays occupied, so that a late first attempt fails.
pub(super) const OCCUPIED: Duration = Duration::from_secs(24 * 3600);

/// A row that was read in a round.
pub(super) struct Taken {
    pub(super) row: WaitingRow,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// The row has no content: it only keeps its key occupied.
    Occupied,
    /// The row can't be read, or was not written by this installation.
    Unreadable(RowFault),
    Row(ReadRow),
}

/// The rows of a round.
pub(super) struct Batch {
    pub(super) taken: Vec<Taken>,
    /// The time at which reading began, if all rows that there are have been read since.
    pub(super) swept_at: Option<Timestamp>,
    /// Whether there are more rows.
    pub(super) more: bool,
}

/// The position of the sealer among the rows.
#[derive(Default)]
pub(super) struct Intake {
    /// The key after which the next round begins.
    after: Option<WaitingKey>,
    /// The time at which the rows were last read from the first one on, unless some were passed over since.
    began_at: Option<Timestamp>,
    /// The rows that were read since and stay stored.
    met: BTreeSet<WaitingKey>,
    /// The rows that stay stored and need no attention.
    pub(super) staying: BTreeSet<WaitingKey>,
}

impl Intake {
    /// Reads the rows of a round.
    pub(super) async fn read(
        &mut self,
        tables: &dyn AuditTables,
        key: &dyn RowKey,
        now: Timestamp,
        one_by_one: bool,
    ) -> Result<Batch, StoreError> {
        if self.after.is_none() {
            self.began_at = Some(now);
            self.met.clear();
        }
        let limit = if one_by_one { 1 } else { MAX_ROWS };
        let rows = tables.waiting(self.after, limit, MAX_BYTES).await?;
        let mut is_cut = rows.len() >= limit || rows.iter().map(|row| row.body.len()).sum::<usize>() >= MAX_BYTES;
        let mut counts = BTreeMap::<OrganizationId, usize>::new();
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            let content = read(&row, key);
            if let Content::Row(read) = &content
                && !fits(read, &mut counts)
            {
                is_cut = true;
                break;
            }
            taken.push(Taken { row, content });
        }
        let last = taken.last().map(|last| last.row.key);
        let swept_at = if is_cut { None } else { self.began_at };
        let more = is_cut || self.began_at.is_none();
        // The rest of an organization of which something is sealed waits until the others had their turn.
        let takes_of_last = taken.iter().any(|taken| {
            Some(taken.row.key.organization) == last.map(|last| last.organization)
                && matches!(taken.content, Content::Row(_))
        });
        if is_cut && takes_of_last && !one_by_one {
            self.began_at = None;
            self.after = last.map(|last| WaitingKey { id: Ulid(u128::MAX), ..last });
        } else {
            self.after = last.filter(|_| is_cut);
        }
        Ok(Batch { taken, swept_at, more })
    }

    /// Notes that a row stays stored.
    pub(super) fn stay(&mut self, key: WaitingKey) {
        self.met.insert(key);
        self.staying.insert(key);
    }

    /// Notes that all rows were read. Returns those that stay.
    pub(super) fn finish_sweep(&mut self) -> &BTreeSet<WaitingKey> {
        self.staying.clone_from(&self.met);
        &self.staying
    }

    /// Begins again with the first row.
    pub(super) fn restart(&mut self) {
        self.after = None;
    }

    /// Whether there is a row that needs attention.
    pub(super) async fn has_rows(&self, tables: &dyn AuditTables) -> Result<bool, StoreError> {
        let mut after = None;
        loop {
            let rows = tables.waiting(after, self.staying.len() + 1, 1 << 20).await?;
            let Some(last) = rows.last() else { return Ok(false) };
            after = Some(last.key);
            if rows.iter().any(|row| !self.staying.contains(&row.key)) {
                return Ok(true);
            }
        }
    }
}

fn read(row: &WaitingRow, key: &dyn RowKey) -> Content {
    if row.entries == 0 && row.body.is_empty() {
        return Content::Occupied;
    }
    match read_row(row, Some(key)) {
        Ok(read) => Content::Row(read),
        Err(fault) => Content::Unreadable(fault),
    }
}

/// Counts the entries of a row, unless the round has no room for them.
fn fits(row: &ReadRow, counts: &mut BTreeMap<OrganizationId, usize>) -> bool {
    let new = row.parts.iter().filter(|(organization, _)| !counts.contains_key(organization)).count();
    let has_room = |(organization, entries): &(OrganizationId, Vec<_>)| {
        counts.get(organization).is_none_or(|count| count + entries.len() <= MAX_ENTRIES)
    };
    let fits = counts.is_empty() || (counts.len() + new <= MAX_CHAINS && row.parts.iter().all(has_room));
    if fits {
        for (organization, entries) in &row.parts {
            *counts.entry(*organization).or_default() += entries.len();
        }
    }
    fits
}

/// The time at which a row may be deleted that keeps its key occupied.
pub(super) fn occupied_until(key: WaitingKey) -> Timestamp {
    ulid_time(key.id) + OCCUPIED
}
