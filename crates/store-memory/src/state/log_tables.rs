//! The tables of the audit log, and the changes of them with all their checks. A change that returns `None` is not
//! allowed; what it has changed until then is dropped.

use audit::{
    Checkpoint, Hash, Head, StoredEntry,
    tables::{
        Archival, BodyRedaction, Compaction, Conversion, HeadChange, NewRun, NewSegment, PrefixRemoval, RunTable,
        SealingRound, StoredHead, TermMerge, TermRow, TileRow, WaitingKey, WaitingRow,
    },
};
use kernel::{Entry, OrganizationId, Ulid};
use rpds::RedBlackTreeMapSync as Map;

#[derive(Clone, Default)]
pub(crate) struct LogTables {
    pub(crate) waiting: Map<WaitingKey, WaitingRow>,
    pub(crate) heads: Map<OrganizationId, StoredHead>,
    /// The runs by the sequences of their first entries.
    pub(crate) runs: Map<(OrganizationId, i64), NewRun>,
    pub(crate) segments: Map<(OrganizationId, i64), NewSegment>,
    /// The objects that have the bodies of segments, and the offsets in them.
    pub(crate) archived: Map<(OrganizationId, i64), (String, i64)>,
    /// The index by buckets and the sequences of first entries.
    pub(crate) terms: Map<(OrganizationId, i64, i64), TermRow>,
    /// The tiles by levels and numbers.
    pub(crate) tiles: Map<(OrganizationId, i64, i64), TileRow>,
    pub(crate) checkpoints: Map<(OrganizationId, i64), Checkpoint>,
    pub(crate) writers: Map<Ulid, Vec<u8>>,
    /// The notes that witnesses have cosigned, by the names of logs and the keys of witnesses.
    pub(crate) cosigned: Map<(OrganizationId, String, String), Vec<u8>>,
    /// The sealed entries of the old form by their sequences.
    pub(crate) old_sealed: Map<(OrganizationId, i64), StoredEntry>,
    pub(crate) old_waiting: Map<(OrganizationId, Ulid), Entry>,
}

impl LogTables {
    pub(crate) fn seal(&mut self, round: &SealingRound) -> Option<()> {
        for change in &round.heads {
            self.change_head(change)?;
        }
        for key in &round.sealed {
            remove(&mut self.waiting, key)?;
        }
        for row in &round.waiting {
            self.add_waiting(row)?;
        }
        for key in &round.old_waiting {
            remove(&mut self.old_waiting, key)?;
        }
        for row in &round.writers {
            self.writers.insert_mut(row.writer, row.state.clone());
        }
        for writer in &round.ended_writers {
            self.writers.remove_mut(writer);
        }
        Some(())
    }

    pub(crate) fn compact(&mut self, compaction: &Compaction) -> Option<()> {
        let organization = compaction.organization;
        for first in &compaction.replaced_runs {
            remove(&mut self.runs, &(organization, *first))?;
        }
        self.add_segment(organization, &compaction.segment)?;
        self.add_terms(organization, &compaction.terms)?;
        self.set_tiles(organization, &compaction.tiles);
        Some(())
    }

    pub(crate) fn merge_terms(&mut self, merge: &TermMerge) -> Option<()> {
        for first in &merge.replaced {
            remove(&mut self.terms, &(merge.organization, -1, *first))?;
        }
        merge.rows.iter().try_for_each(|row| self.add_terms(merge.organization, row))
    }

    pub(crate) fn archive(&mut self, archival: &Archival) -> Option<()> {
        for (first, offset) in &archival.segments {
            let key = (archival.organization, *first);
            let mut segment = self.segments.get(&key)?.clone();
            segment.run.body = Vec::new();
            self.segments.insert_mut(key, segment);
            insert(&mut self.archived, key, (archival.object.clone(), *offset))?;
        }
        Some(())
    }

    pub(crate) fn redact(&mut self, redaction: &BodyRedaction) -> Option<()> {
        let BodyRedaction { organization, table, first_sequence, last_sequence, body, terms, .. } = redaction;
        let key = (*organization, *first_sequence);
        let mut head = self.heads.get(organization)?.clone();
        let is_stored = |run: &NewRun| run.last_sequence == *last_sequence && !run.body.is_empty();
        match table {
            RunTable::Runs => {
                let run = self.runs.get(&key).filter(|run| is_stored(run))?.clone();
                self.runs.insert_mut(key, NewRun { body: body.clone(), ..run });
            }
            RunTable::Segments => {
                let mut segment = self.segments.get(&key).filter(|segment| is_stored(&segment.run))?.clone();
                segment.digest = Hash::digest(body);
                segment.run.body.clone_from(body);
                self.segments.insert_mut(key, segment);
            }
        }
        if let Some(row) =
            terms.as_ref().filter(|row| self.terms.contains_key(&(*organization, -1, row.first_sequence)))
        {
            self.terms.insert_mut((*organization, -1, row.first_sequence), row.clone());
        }
        head.redacted += 1;
        self.heads.insert_mut(*organization, head);
        Some(())
    }

    pub(crate) fn remove_prefix(&mut self, removal: &PrefixRemoval) -> Option<()> {
        let (organization, last) = (removal.organization, removal.last.sequence);
        let mut head = self.heads.get(&organization)?.clone();
        let removed = self.all_runs(organization).filter(|run| run.last_sequence <= last);
        let entries: i64 = removed.map(|run| run.last_sequence - run.first_sequence + 1).sum();
        if head.removed != removal.before || entries != last - removal.before.sequence {
            return None;
        }
        remove_where(&mut self.runs, |(of, _), run| *of == organization && run.last_sequence <= last);
        remove_where(&mut self.segments, |(of, _), segment| *of == organization && segment.run.last_sequence <= last);
        let segments = self.segments.clone();
        remove_where(&mut self.archived, |key, _| !segments.contains_key(key));
        remove_where(&mut self.checkpoints, |(of, sequence), _| *of == organization && *sequence <= last);
        remove_where(&mut self.terms, |(of, bucket, first), _| {
            let before = if *bucket < 0 { removal.terms_before } else { removal.merged_terms_before };
            *of == organization && *first < before
        });
        self.set_tiles(organization, &removal.tiles);
        head.removed = removal.last;
        self.heads.insert_mut(organization, head);
        Some(())
    }

    pub(crate) fn convert(&mut self, conversion: &Conversion) -> Option<()> {
        let organization = conversion.organization;
        conversion.segments.iter().try_for_each(|segment| self.add_segment(organization, segment))?;
        conversion.runs.iter().try_for_each(|run| self.add_run(organization, run))?;
        conversion.terms.iter().try_for_each(|row| self.add_terms(organization, row))?;
        self.set_tiles(organization, &conversion.tiles);
        conversion.head.iter().try_for_each(|change| self.change_head(change))
    }

    pub(crate) fn delete_old_entries(&mut self) {
        let is_needed = self.heads.values().any(|head| head.old_through > 0) || !self.old_waiting.is_empty();
        if !is_needed {
            self.old_sealed = Map::default();
        }
    }

    /// The runs, then the segments of an organization.
    pub(crate) fn all_runs(&self, organization: OrganizationId) -> impl Iterator<Item = &NewRun> {
        let all = (organization, i64::MIN)..=(organization, i64::MAX);
        let segments = self.segments.range(all.clone()).map(|(_, segment)| &segment.run);
        self.runs.range(all).map(|(_, run)| run).chain(segments)
    }

    pub(crate) fn add_waiting(&mut self, row: &WaitingRow) -> Option<()> {
        insert(&mut self.waiting, row.key, row.clone())
    }

    fn change_head(&mut self, change: &HeadChange) -> Option<()> {
        let organization = change.after.organization;
        let stored = self.heads.get(&organization);
        if stored.map_or(Head::EMPTY, |stored| stored.head) != change.before {
            return None;
        }
        let (removed, redacted) = stored.map_or((Head::EMPTY, 0), |stored| (stored.removed, stored.redacted));
        self.heads.insert_mut(organization, StoredHead { removed, redacted, ..change.after.clone() });
        for first in &change.replaced_runs {
            remove(&mut self.runs, &(organization, *first))?;
        }
        change.runs.iter().try_for_each(|run| self.add_run(organization, run))?;
        if let Some(checkpoint) = &change.checkpoint {
            self.checkpoints.insert_mut((checkpoint.organization, checkpoint.sequence), *checkpoint);
        }
        Some(())
    }

    fn add_run(&mut self, organization: OrganizationId, run: &NewRun) -> Option<()> {
        insert(&mut self.runs, (organization, run.first_sequence), run.clone())
    }

    fn add_segment(&mut self, organization: OrganizationId, segment: &NewSegment) -> Option<()> {
        insert(&mut self.segments, (organization, segment.run.first_sequence), segment.clone())
    }

    fn add_terms(&mut self, organization: OrganizationId, row: &TermRow) -> Option<()> {
        insert(&mut self.terms, (organization, row.bucket, row.first_sequence), row.clone())
    }

    fn set_tiles(&mut self, organization: OrganizationId, tiles: &[TileRow]) {
        for tile in tiles {
            self.tiles.insert_mut((organization, tile.level, tile.tile), tile.clone());
        }
    }
}

/// Adds a row; `None` if there is one with the key already.
fn insert<K: Ord, V>(rows: &mut Map<K, V>, key: K, row: V) -> Option<()> {
    let is_new = !rows.contains_key(&key);
    is_new.then(|| rows.insert_mut(key, row))
}

/// Removes a row; `None` if there is none with the key.
fn remove<K: Ord, V>(rows: &mut Map<K, V>, key: &K) -> Option<()> {
    rows.remove_mut(key).then_some(())
}

fn remove_where<K: Ord + Copy, V>(rows: &mut Map<K, V>, is_removed: impl Fn(&K, &V) -> bool) {
    let keys: Vec<K> = rows.iter().filter(|(key, row)| is_removed(key, row)).map(|(key, _)| *key).collect();
    for key in keys {
        rows.remove_mut(&key);
    }
}
