//! Completion of drafts of documents: a document changes only what it states.

use std::collections::HashMap;

use import::{Draft, bundle::cells};
use kernel::{Kind, Reader, Record};
use registers::{Asset, Vulnerability};
use store::DynStore;

use super::{BATCH, Importer};
use crate::failure::Failure;

impl Importer<'_> {
    /// Gives drafts of assets and vulnerabilities the fields that they lack and that the stored record with their key has,
    /// such as a status or an owner.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn complete<'d>(&self, drafts: impl Iterator<Item = &'d mut Draft>) -> Result<(), Failure> {
        let (mut assets, mut vulnerabilities) = (HashMap::new(), HashMap::new());
        for draft in drafts {
            let by_key = match draft.kind {
                Kind::Asset => &mut assets,
                Kind::Vulnerability => &mut vulnerabilities,
                _ => continue,
            };
            if let Some(key) = draft.key() {
                by_key.insert(key, draft);
            }
        }
        self.complete_kind::<Asset>(assets).await?;
        self.complete_kind::<Vulnerability>(vulnerabilities).await
    }

    async fn complete_kind<R: Record>(&self, mut drafts: HashMap<String, &mut Draft>) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        let store = &self.operator.installation.store;
        let keys: Vec<String> = drafts.keys().cloned().collect();
        for keys in keys.chunks(BATCH) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            for stored in Reader::<R>::get_by_keys(&**store, self.organization.id, &keys).await? {
                let Some(draft) = stored.record.key().and_then(|key| drafts.get_mut(key)) else { continue };
                for cell in cells(&stored.record, |_, _| None).into_iter().filter(|cell| !cell.value.is_null()) {
                    draft.fields.entry(cell.name).or_insert(cell.value);
                }
            }
        }
        Ok(())
    }
}
