//! The entries that are not sealed.

use audit::UnsealedStats;
use kernel::{OrganizationId, StoreError};

use super::reader::Reader;

impl Reader {
    /// Returns the number of entries that are not sealed, and the time of the oldest: of one organization from its
    /// entries, of all from the keys of the rows.
    pub(crate) async fn unsealed_stats(
        &self,
        organization: Option<OrganizationId>,
    ) -> Result<UnsealedStats, StoreError> {
        let old = self.old_waiting(organization).await?;
        let (mut entries, mut oldest) = (old.len() as u64, old.iter().map(|entry| entry.occurred_at).min());
        let Some(organization) = organization else {
            let waiting = self.tables.waiting_stats(None).await?;
            entries += waiting.entries;
            return Ok(UnsealedStats { entries, oldest: oldest.into_iter().chain(waiting.oldest).min() });
        };
        let view = self.view(organization).await?;
        for row in view.waiting.iter().filter(|row| row.entries != 0) {
            let waiting = self.row_entries(organization, row);
            let Some(first) = waiting.first() else { continue };
            // A row that was stored again may be in the chain already.
            if row.entries < 0 && self.is_sealed(&view, first.id).await? {
                continue;
            }
            entries += waiting.len() as u64;
            oldest = oldest.into_iter().chain(waiting.iter().map(|entry| entry.occurred_at)).min();
        }
        Ok(UnsealedStats { entries, oldest })
    }
}
