//! Which rows of a round are sealed, which are set aside and which are refused.

use std::{collections::BTreeMap, mem};

use audit::tables::{WaitingKey, WaitingRow};
use kernel::{Entry, OrganizationId, StoreError, Timestamp};

use super::{
    Sealer,
    intake::{Content, Taken, occupied_until},
    round::RefusedRow,
    writers::Writers,
};
use crate::rows::{ReadRow, RowContent, RowHeader, ulid_time};

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
        if writers.own.has_refused(&row.key) {
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
            Content::Unreadable(fault) => self.refuse(row.key, fault.0, writers, judged),
            Content::Row(read) => self.judge_row(row, read, writers, judged, now).await?,
        }
        Ok(())
    }

    async fn judge_row(
        &mut self,
        row: WaitingRow,
        mut read: ReadRow,
        writers: &mut Writers,
        judged: &mut Judged,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_repeated = row.entries < 0;
        let rests = |sealer: &Self, organization| sealer.chains.is_resting(organization);
        let owner = row.key.organization;
        if is_repeated && read.parts.iter().all(|(organization, _)| *organization == owner) && rests(self, owner) {
            self.intake.stay(row.key);
            return Ok(());
        }
        // An old row that is put back when its writer is forgotten would be sealed a second time.
        let is_sealed = (is_repeated || !writers.is_stored(read.writer)) && self.is_sealed(&read).await?;
        if is_sealed && !is_repeated {
            self.refuse(row.key, "its entries are sealed already".to_owned(), writers, judged);
            return Ok(());
        }
        let is_new = writers.see(&read, ulid_time(row.key.id), now);
        if !is_new && !is_repeated {
            let reason = format!("the row {} of the process {} was seen before", read.number, read.writer);
            self.refuse(row.key, reason, writers, judged);
            return Ok(());
        }
        judged.deleted.push(row.key);
        let inserted = judged.inserted.len();
        if !is_sealed {
            let is_split = self.split.remove(&row.key);
            for (organization, entries) in mem::take(&mut read.parts) {
                if is_split || rests(self, organization) {
                    judged.inserted.push(self.set_aside(row.key, &read, &entries));
                } else {
                    judged.entries.entry(organization).or_default().extend(entries);
                }
            }
        }
        let is_set_aside = judged.inserted[inserted..].iter().any(|other| other.key == row.key);
        if is_repeated && !is_set_aside {
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
        };
        let content = RowContent::of(&entries.iter().collect::<Vec<_>>());
        let row = content.into_row_with_id(key.id, &header, &*self.context.keys.rows);
        WaitingRow { entries: -row.entries, ..row }
    }

    /// Whether the first entry of a row is in its chain.
    async fn is_sealed(&self, read: &ReadRow) -> Result<bool, StoreError> {
        let first = read.parts.first().and_then(|(_, entries)| entries.first());
        let Some(entry) = first else { return Ok(false) };
        let chain = self.chains.get(entry.organization);
        if chain.is_none_or(|chain| chain.head.head.sequence == 0 || entry.id.ulid() > chain.head.high_id) {
            return Ok(false);
        }
        let stored = self.log.entry(entry.organization, entry.id).await?;
        Ok(stored.is_some_and(|stored| stored.seal.is_some()))
    }

    fn refuse(&mut self, key: WaitingKey, reason: String, writers: &mut Writers, judged: &mut Judged) {
        self.intake.stay(key);
        if writers.own.refuse(key) {
            judged.refused.push(RefusedRow { key, reason });
        }
    }
}
