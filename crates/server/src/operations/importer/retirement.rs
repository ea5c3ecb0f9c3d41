//! The retirement of assets that their product no longer has.

use std::collections::HashSet;

use kernel::{Action, Filter, Kind, Reader, StreamRequest};
use registers::{Asset, AssetStatus, update};
use store::DynStore;

use super::{BATCH, Importer};
use crate::failure::Failure;

/// The statuses of assets that can be retired.
const IN_USE: [AssetStatus; 3] = [AssetStatus::Planned, AssetStatus::Active, AssetStatus::InMaintenance];

impl Importer<'_> {
    /// Retires the assets of these sources that none of the inventories has. Assets of other sources stay as they are: those
    /// of several products, and those that people or other programs have recorded. Returns the number.
    ///
    /// # Errors
    /// If the store fails. The batches before are stored already.
    pub(crate) async fn retire_missing(
        &self,
        sources: &HashSet<String>,
        asset_keys: &HashSet<String>,
    ) -> Result<usize, Failure> {
        let is_missing = |asset: &Asset| {
            IN_USE.contains(&asset.status)
                && sources.contains(asset.source_kind.as_str())
                && !asset_keys.contains(asset.key.as_str())
        };
        let store: &DynStore = &*self.operator.installation.store;
        let filter = Filter::<Asset>::default().with("status", IN_USE);
        let request = StreamRequest::default();
        let mut stream = Reader::<Asset>::stream(store, self.organization.id, &filter, &request).await?;
        let mut missing = Vec::new();
        while let Some(batch) = stream.batches.next().await? {
            let keys = batch.into_iter().filter(|stored| is_missing(&stored.record));
            missing.extend(keys.map(|stored| stored.record.key.to_string()));
        }
        if self.dry_run {
            return Ok(missing.len());
        }
        let mut retired = 0;
        for keys in missing.chunks(BATCH) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let decide = async || {
                let action = Action::on_record(Kind::Asset, "batch_written");
                let mut changeset = self.operator.changeset(&self.organization, action, None);
                let assets = Reader::<Asset>::get_by_keys(store, self.organization.id, &keys).await?;
                // An import of another product may have found one of them meanwhile.
                let missing: Vec<_> = assets.iter().filter(|stored| is_missing(&stored.record)).collect();
                for stored in &missing {
                    let asset = Asset { status: AssetStatus::Retired, ..stored.record.clone() };
                    update(&mut changeset, &*self.operator.installation.entropy, stored, asset);
                }
                Ok((changeset, missing.len()))
            };
            retired += self.operator.write(decide).await?;
        }
        Ok(retired)
    }
}
