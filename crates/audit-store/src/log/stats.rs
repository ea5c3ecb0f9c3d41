//! The entries that are not sealed.

use std::mem;

use audit::{UnsealedStats, tables::WaitingRow};
use kernel::{Entry, Id, OrganizationId, StoreError, Timestamp, Ulid};

use super::{reader::Reader, waiting::WaitingVisitor};

impl Reader {
    /// Returns the number of entries that are not sealed, and the time of the oldest: of one organization from its
    /// entries, of all from the keys of the rows.
    pub(crate) async fn unsealed_stats(
        &self,
        organization: Option<OrganizationId>,
    ) -> Result<UnsealedStats, StoreError> {
        let old = self.old_waiting(organization).await?;
        let mut found = WaitingSummary { entries: old.len() as u64, ..WaitingSummary::default() };
        found.oldest = old.iter().map(|entry| entry.occurred_at).min();
        let Some(organization) = organization else {
            let waiting = self.tables.waiting_stats(None).await?;
            let oldest = found.oldest.into_iter().chain(waiting.oldest).min();
            return Ok(UnsealedStats { entries: found.entries + waiting.entries, oldest });
        };
        let view = self.view_with(organization, &mut found).await?;
        for (first, entries, oldest) in mem::take(&mut found.repeated) {
            if !self.is_sealed(&view, first).await? {
                found.add(entries, oldest);
            }
        }
        Ok(UnsealedStats { entries: found.entries, oldest: found.oldest })
    }
}

/// The number of entries that wait, and the time of the oldest.
#[derive(Default)]
struct WaitingSummary {
    entries: u64,
    oldest: Option<Timestamp>,
    /// The rows that were stored again, and may be in the chain already: the first entry, the number of entries, and the
    /// time of the oldest.
    repeated: Vec<(Id<Entry>, u64, Option<Timestamp>)>,
}

impl WaitingSummary {
    fn add(&mut self, entries: u64, oldest: Option<Timestamp>) {
        self.entries += entries;
        self.oldest = self.oldest.into_iter().chain(oldest).min();
    }
}

impl WaitingVisitor for WaitingSummary {
    fn last_id(&self) -> Ulid {
        Ulid::max()
    }

    fn visit(&mut self, row: &WaitingRow, entries: Vec<Entry>) {
        let oldest = entries.iter().map(|entry| entry.occurred_at).min();
        match entries.first().filter(|_| row.entries < 0) {
            Some(first) => self.repeated.push((first.id, entries.len() as u64, oldest)),
            None => self.add(entries.len() as u64, oldest),
        }
    }
}
