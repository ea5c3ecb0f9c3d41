//! Which rows of a round are sealed, which are set aside and which are refused.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry as MapEntry},
    mem,
};

use audit::tables::{WaitingKey, WaitingRow};
use kernel::{Entry, Id, OrganizationId, StoreError, Timestamp, Ulid};

use super::{
    Sealer,
    chain::Chain,
    intake::{Content, Taken, occupied_until},
    round::{ChainFault, RefusedRow},
    writers::Writers,
};
use crate::{
    log::View,
    rows::{ReadRow, RowAttempt, RowContent, RowHeader, ulid_time},
};

/// The decisions of a round about rows.
#[derive(Default)]
pub(super) struct Judged {
    /// The entries to seal.
    pub(super) entries: BTreeMap<OrganizationId, Vec<Entry>>,
    /// The rows that are deleted.
    pub(super) deleted: Vec<WaitingKey>,
    /// The rows that are inserted after that.
    pub(super) inserted: Vec<WaitingRow>,
    /// The rows that are refused for the first time.
    pub(super) refused: Vec<RefusedRow>,
    /// The first time at which a key is no longer occupied.
    pub(super) due_at: Option<Timestamp>,
    /// Whether the sealer's own entries are among those to seal.
    pub(super) has_own: bool,
    /// The sealer's own entries, if they can't be sealed now.
    pub(super) unreported: Option<Vec<Entry>>,
    /// The chains that turned out to be damaged, and rest now.
    pub(super) faults: Vec<ChainFault>,
    /// The first entries of the parts that are sealed.
    first_ids: BTreeSet<(OrganizationId, Id<Entry>)>,
    /// The chains in which entries were looked up, as they were before this round.
    views: BTreeMap<OrganizationId, View>,
}

fn first_id(entries: &[Entry]) -> Option<Id<Entry>> {
    entries.first().map(|entry| entry.id)
}

impl Sealer {
    /// Judges a row.
    pub(super) async fn judge(
        &mut self,
        taken: Taken,
        writers: &mut Writers,
        judged: &mut Judged,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Taken { row, content } = taken;
        if writers.own.has_refused(&row.key) || self.isolation.passes_over(&row.key) {
            self.intake.stay(row.key);
            return Ok(());
        }
        match content {
            Content::Occupied => {
                let until = occupied_until(row.key);
                if now >= until {
                    judged.deleted.push(row.key);
                } else {
                    judged.due_at = Some(judged.due_at.map_or(until, |due_at| due_at.min(until)));
                    self.intake.stay(row.key);
                }
            }
            Content::Unreadable(fault) => {
                self.intake.stay(row.key);
                self.refuse(row.key, fault.0, writers, judged);
            }
            Content::Row(read) => self.judge_row(row, read, writers, judged, now).await?,
        }
        Ok(())
    }

    /// Judges each part of a row by itself, since others may not be sealable or may be sealed.
    async fn judge_row(
        &mut self,
        row: WaitingRow,
        mut read: ReadRow,
        writers: &mut Writers,
        judged: &mut Judged,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if read.attempt == RowAttempt::SetAside && self.chains.is_resting(row.key.organization) {
            self.intake.stay(row.key);
            return Ok(());
        }
        let is_first = read.attempt == RowAttempt::First;
        let parts = mem::take(&mut read.parts);
        let mut sealed = BTreeSet::new();
        for (organization, entries) in &parts {
            match self.is_sealed(*organization, entries, judged).await {
                Ok(true) => drop(sealed.insert(*organization)),
                Ok(false) => {}
                Err(error) => {
                    // The chain rests, and the round is made again without it.
                    judged.faults.push(self.chains.rest(*organization, error, now)?);
                    return Ok(());
                }
            }
        }
        // A row that is put back when its writer is forgotten, or its state is put back as well.
        if is_first && !sealed.is_empty() {
            self.intake.stay(row.key);
            self.refuse(row.key, "its entries are sealed already".to_owned(), writers, judged);
            return Ok(());
        }
        // The number of what was set aside was seen then, and its writer may be forgotten.
        let is_new = read.attempt == RowAttempt::SetAside || writers.see(&read, ulid_time(row.key.id), now);
        if !is_new && is_first {
            let reason = format!("the row {} of the process {} was seen before", read.number, read.writer);
            self.intake.stay(row.key);
            self.refuse(row.key, reason, writers, judged);
            return Ok(());
        }
        judged.deleted.push(row.key);
        let inserted = judged.inserted.len();
        let is_split = self.isolation.splits(&row.key);
        for (organization, entries) in parts {
            if sealed.contains(&organization) {
                continue;
            }
            if is_split || self.chains.is_resting(organization) {
                judged.inserted.push(self.set_aside(row.key, &read, &entries));
            } else {
                judged.first_ids.extend(first_id(&entries).map(|id| (organization, id)));
                judged.entries.entry(organization).or_default().extend(entries);
            }
        }
        let is_set_aside = judged.inserted[inserted..].iter().any(|other| other.key == row.key);
        if !is_first && !is_set_aside {
            judged.inserted.push(WaitingRow { key: row.key, entries: 0, body: Vec::new() });
        }
        Ok(())
    }

    /// Makes the row of the part that can't be sealed now. It is marked as one whose number was seen.
    fn set_aside(&self, key: WaitingKey, read: &ReadRow, entries: &[Entry]) -> WaitingRow {
        let header = RowHeader {
            writer: read.writer,
            number: read.number,
            given_up: read.given_up.clone(),
            is_last: read.is_last,
            attempt: RowAttempt::SetAside,
        };
        let content = RowContent::of(&entries.iter().collect::<Vec<_>>());
        // What is left of the first attempt may be stored as well.
        let id = if read.attempt == RowAttempt::Repeated { Ulid(key.id.0 ^ 1) } else { key.id };
        content.into_row_with_id(id, &header, &*self.context.keys.rows)
    }

    /// Whether the first entry of a part of a row is in its chain, or among those that this round seals. It is not asked
    /// for a chain that rests.
    async fn is_sealed(
        &self,
        organization: OrganizationId,
        entries: &[Entry],
        judged: &mut Judged,
    ) -> Result<bool, StoreError> {
        let Some(id) = first_id(entries) else { return Ok(false) };
        if judged.first_ids.contains(&(organization, id)) {
            return Ok(true);
        }
        let is_possible = |chain: &Chain| chain.head.head.sequence > 0 && id.ulid() <= chain.head.high_id;
        if !self.chains.get(organization).is_some_and(is_possible) {
            return Ok(false);
        }
        let view = match judged.views.entry(organization) {
            MapEntry::Occupied(view) => view.into_mut(),
            MapEntry::Vacant(none) => none.insert(self.log.reader.chain_view(organization).await?),
        };
        self.log.reader.is_sealed(view, id).await
    }

    pub(super) fn refuse(&self, key: WaitingKey, reason: String, writers: &mut Writers, judged: &mut Judged) {
        if writers.own.refuse(key) {
            judged.refused.push(RefusedRow { key, reason });
        }
    }
}
