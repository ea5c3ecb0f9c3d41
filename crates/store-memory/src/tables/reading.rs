//! Reading the tables.

use std::collections::BTreeSet;

use audit::{
    Checkpoint, Hash,
    tables::{
        BodyRange, MAX_RECENT_ROWS, NewRun, Recent, RunKey, RunTable, SegmentQuery, SegmentStart, TermQuery, TermRow,
        WaitingKey, WaitingRow, WaitingStats,
    },
};
use kernel::{OrganizationId, Timestamp, Ulid};

use crate::state::LogTables;

impl LogTables {
    pub(crate) fn recent(&self, organization: OrganizationId) -> Recent {
        let owners = BTreeSet::from([OrganizationId::INSTALLATION, organization]);
        Recent {
            waiting: owners.into_iter().flat_map(|owner| self.waiting_of(owner, None, MAX_RECENT_ROWS)).collect(),
            runs: self.run_keys(organization),
            head: self.heads.get(&organization).cloned(),
        }
    }

    pub(crate) fn run_keys(&self, organization: OrganizationId) -> Vec<RunKey> {
        let (first, last) = ((organization, i64::MIN), (organization, i64::MAX));
        self.runs.range(first..=last).map(|(_, run)| key(RunTable::Runs, run)).collect()
    }

    pub(crate) fn waiting_of(&self, owner: OrganizationId, after: Option<Ulid>, limit: usize) -> Vec<WaitingRow> {
        let rows = self.waiting.values().filter(|row| row.entries != 0 && row.key.organization == owner);
        rows.filter(|row| after.is_none_or(|after| row.key.id > after)).take(limit).cloned().collect()
    }

    /// Not only the organizations with a head: whoever deletes a head must not hide the rest of its chain.
    pub(crate) fn organizations(&self) -> Vec<OrganizationId> {
        let mut all: BTreeSet<OrganizationId> = self.heads.keys().copied().collect();
        all.extend(self.runs.keys().chain(self.segments.keys()).map(|(organization, _)| *organization));
        all.extend(self.checkpoints.keys().chain(self.old_sealed.keys()).map(|(organization, _)| *organization));
        all.extend(self.old_waiting.keys().map(|(organization, _)| *organization));
        all.into_iter().collect()
    }

    pub(crate) fn segments(&self, organization: OrganizationId, query: &SegmentQuery) -> Vec<RunKey> {
        let (first, last) = ((organization, i64::MIN), (organization, i64::MAX));
        let all = self.segments.range(first..=last).map(|(_, segment)| &segment.run);
        let is_listed = |run: &&NewRun| match query.start {
            SegmentStart::End => true,
            SegmentStart::Sequence(sequence) if query.downwards => run.first_sequence <= sequence,
            SegmentStart::Sequence(sequence) => run.last_sequence >= sequence,
            SegmentStart::HighId(id) => run.high_id >= id,
        };
        let listed = all.filter(is_listed).map(|run| RunKey {
            archived: self.archived.get(&(organization, run.first_sequence)).cloned(),
            ..key(RunTable::Segments, run)
        });
        if query.downwards { listed.rev().take(query.limit).collect() } else { listed.take(query.limit).collect() }
    }

    pub(crate) fn digests(&self, organization: OrganizationId, from: i64, limit: usize) -> Vec<(i64, Hash)> {
        let segments = self.segments.range((organization, from)..=(organization, i64::MAX));
        segments.take(limit).map(|((_, first_sequence), segment)| (*first_sequence, segment.digest)).collect()
    }

    pub(crate) fn body(&self, organization: OrganizationId, range: &BodyRange) -> Option<Vec<u8>> {
        let row = (organization, range.first_sequence);
        let run = match range.table {
            RunTable::Runs => self.runs.get(&row)?,
            RunTable::Segments if self.archived.contains_key(&row) => return None,
            RunTable::Segments => &self.segments.get(&row)?.run,
        };
        Some(run.body.iter().skip(range.offset).take(range.length).copied().collect())
    }

    pub(crate) fn terms(&self, organization: OrganizationId, query: &TermQuery) -> Vec<TermRow> {
        if query.from >= query.before {
            return Vec::new();
        }
        let (first, last) = ((organization, query.bucket, query.from), (organization, query.bucket, query.before));
        let rows = self.terms.range(first..last).map(|(_, row)| row.clone());
        if query.downwards { rows.rev().take(query.limit).collect() } else { rows.take(query.limit).collect() }
    }

    pub(crate) fn checkpoints(&self, organization: OrganizationId, after: i64, limit: usize) -> Vec<Checkpoint> {
        let (first, last) = ((organization, after), (organization, i64::MAX));
        let rows = self.checkpoints.range(first..=last).map(|(_, checkpoint)| *checkpoint);
        rows.filter(|checkpoint| checkpoint.sequence > after).take(limit).collect()
    }

    pub(crate) fn waiting_stats(&self, organization: Option<OrganizationId>) -> WaitingStats {
        let rows = || self.waiting_with_entries(organization);
        let oldest = rows().map(|row| row.key.id.timestamp_ms()).min();
        WaitingStats {
            entries: rows().map(|row| row.entries.unsigned_abs()).sum(),
            oldest: oldest.map(|ms| Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))),
        }
    }

    pub(crate) fn waiting(&self, after: Option<WaitingKey>, limit: usize, bytes: usize) -> Vec<WaitingRow> {
        let mut found: usize = 0;
        let following = self.waiting.values().filter(|row| after.is_none_or(|after| row.key > after));
        let taken = following.take(limit).take_while(|row| {
            let is_taken = found == 0 || found < bytes;
            found += row.body.len();
            is_taken
        });
        taken.cloned().collect()
    }

    /// The rows that may contain entries of the organization, or all with entries.
    fn waiting_with_entries(&self, organization: Option<OrganizationId>) -> impl Iterator<Item = &WaitingRow> {
        let is_listed = move |row: &&WaitingRow| {
            let owner = row.key.organization;
            organization.is_none_or(|organization| owner == organization || owner == OrganizationId::INSTALLATION)
        };
        self.waiting.values().filter(|row| row.entries != 0).filter(is_listed)
    }
}

fn key(table: RunTable, run: &NewRun) -> RunKey {
    let NewRun { first_sequence, last_sequence, first_id, high_id, .. } = *run;
    RunKey { table, first_sequence, last_sequence, first_id, high_id, archived: None }
}
