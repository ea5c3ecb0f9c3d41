//! The removal of objects whose entries were all removed, as the log records. Their names say which they are, so nothing is noted anywhere:
//! what a kill left is found again.

use audit::{ObjectKey, tables::StoredHead};

use super::{Archiver, limited};
use crate::{
    damage::{ChainFailure, Damage},
    removal::is_recorded,
};

/// The number of objects that are listed at a time.
const PAGE: usize = 1_000;

impl Archiver {
    /// Removes the objects of a chain that only have entries which were removed.
    ///
    /// # Errors
    /// [`Damage`] if the log does not record their removal.
    pub(super) async fn remove_objects(&mut self, head: &StoredHead) -> Result<(), ChainFailure> {
        let (organization, removed) = (head.organization, head.removed.sequence);
        if removed < audit_runs::ArchiveObject::ENTRIES || self.cleaned.get(&organization) == Some(&removed) {
            return Ok(());
        }
        let mut is_verified = false;
        loop {
            // The oldest come first.
            let names = limited(self.objects.list(&ObjectKey::folder(organization), PAGE)).await?;
            let is_removed =
                |name: &&String| ObjectKey::parse(organization, name).is_some_and(|key| key.last_sequence <= removed);
            let removed: Vec<&String> = names.iter().filter(is_removed).collect();
            if !removed.is_empty() && !is_verified {
                is_verified = is_recorded(&self.log, head).await?;
                if !is_verified {
                    let reason = "they are said to be removed, which the log does not record";
                    return Err(Damage::new(organization, (1, head.removed.sequence), reason).into());
                }
            }
            for name in &removed {
                limited(self.objects.remove(name)).await?;
                tracing::info!(object = %name, "an object of the audit log's archive was removed with its entries");
            }
            if removed.len() < PAGE {
                break;
            }
        }
        self.cleaned.insert(organization, removed);
        Ok(())
    }
}
