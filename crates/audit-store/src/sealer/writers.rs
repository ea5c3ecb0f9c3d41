//! The states that are stored about all writers, and their changes in a round.

use std::collections::{BTreeMap, BTreeSet};

use audit::{AuditTables, RowKey, tables::WriterRow};
use kernel::{StoreError, Timestamp, Ulid};

use super::{
    own_state::{OwnState, SEALER},
    round::MissingRows,
    state::{from_row, to_row},
    writer_state::{Missing, WriterState},
};
use crate::rows::ReadRow;

/// The stored states, and how a round changes them.
#[derive(Default)]
pub(super) struct Writers {
    stored: BTreeMap<Ulid, WriterState>,
    changed: BTreeMap<Ulid, WriterState>,
    ended: BTreeSet<Ulid>,
    pub(super) own: OwnState,
    stored_own: OwnState,
    /// The writers whose state was not written by this installation as it is.
    pub(super) altered: Vec<Ulid>,
}

impl Writers {
    /// Reads the states. One that is older than the version that is remembered was put back by someone.
    pub(super) async fn load(
        tables: &dyn AuditTables,
        key: &dyn RowKey,
        versions: &BTreeMap<Ulid, u64>,
    ) -> Result<Self, StoreError> {
        let mut writers = Self::default();
        for row in tables.writers().await? {
            let is_current = |version: u64| versions.get(&row.writer).is_none_or(|last| version >= *last);
            let state = from_row(&row, key);
            let is_read = if row.writer == SEALER {
                let own = state.and_then(OwnState::decode).filter(|own| is_current(own.version));
                own.map(|own| writers.own = own).is_some()
            } else {
                let state = state.and_then(WriterState::decode).filter(|state| is_current(state.version));
                state.map(|state| writers.stored.insert(row.writer, state)).is_some()
            };
            if !is_read {
                writers.altered.push(row.writer);
                writers.ended.insert(row.writer);
            }
        }
        writers.stored_own = writers.own.clone();
        Ok(writers)
    }

    /// Notes a row with this time. Returns `false` if its number was seen before.
    pub(super) fn see(&mut self, row: &ReadRow, row_at: Timestamp, now: Timestamp) -> bool {
        let current = self.changed.get(&row.writer).or_else(|| self.stored.get(&row.writer));
        let mut state = current.cloned().unwrap_or_else(|| WriterState::new(now));
        let is_new = state.see(row, row_at, now);
        if is_new {
            self.changed.insert(row.writer, state);
        }
        is_new
    }

    /// Takes what is missing, and forgets writers from which nothing more is expected: all rows were read from `swept_at`
    /// on.
    pub(super) fn sweep(&mut self, swept_at: Timestamp) -> Vec<MissingRows> {
        let mut found = Vec::new();
        let writers: BTreeSet<Ulid> = self.stored.keys().chain(self.changed.keys()).copied().collect();
        for writer in writers {
            let Some(before) = self.changed.get(&writer).or_else(|| self.stored.get(&writer)) else { continue };
            let mut state = before.clone();
            found.extend(state.take_missing(swept_at).iter().filter_map(|missing| report(writer, missing)));
            if state.is_over(swept_at) {
                self.changed.remove(&writer);
                self.ended.insert(writer);
            } else if state != *before {
                self.changed.insert(writer, state);
            }
        }
        found
    }

    /// The time from which on a sweep may find something.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        let stored = self.stored.iter().filter(|(writer, _)| !self.changed.contains_key(writer));
        let left = stored.chain(&self.changed).filter(|(writer, _)| !self.ended.contains(writer));
        left.map(|(_, state)| state.due_at()).min()
    }

    /// The rows that are stored, and the writers whose rows are deleted. Also returns the versions of the stored ones.
    pub(super) fn changes(&self, key: &dyn RowKey) -> (Vec<WriterRow>, Vec<Ulid>, BTreeMap<Ulid, u64>) {
        let mut rows = Vec::new();
        let mut versions = BTreeMap::new();
        for (writer, state) in &self.changed {
            let version = state.version + 1;
            versions.insert(*writer, version);
            rows.push(to_row(*writer, state.encode(version), key));
        }
        if self.own != self.stored_own || self.ended.contains(&SEALER) {
            let version = self.own.version + 1;
            versions.insert(SEALER, version);
            rows.push(to_row(SEALER, self.own.encode(version), key));
        }
        let ended = self.ended.iter().filter(|writer| !versions.contains_key(writer)).copied().collect();
        (rows, ended, versions)
    }
}

fn report(writer: Ulid, missing: &Missing) -> Option<MissingRows> {
    let first = missing.gaps.iter().min_by_key(|gap| *gap.numbers.start())?;
    let mut numbers: Vec<_> = missing.gaps.iter().map(|gap| gap.numbers.clone()).collect();
    numbers.sort_unstable_by_key(|range| *range.start());
    Some(MissingRows {
        writer,
        numbers,
        noticed_at: first.noticed_at,
        following_row_at: first.row_at,
        has_ended: missing.has_ended,
    })
}
