//! Imports of uploaded tables.

use std::{cmp::Reverse, sync::Arc};

use async_trait::async_trait;
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use store::{MAX_TABLE_IMPORTS, StoredTableImport, TableImportId, TableImports};

use crate::{MemoryStore, state::State};

#[async_trait]
impl TableImports for MemoryStore {
    async fn add_table_import(&self, import: &StoredTableImport) -> Result<bool, StoreError> {
        self.change(|state| {
            if state.imports_of(import.organization).count() >= MAX_TABLE_IMPORTS {
                return Ok(false);
            }
            state.table_imports.insert_mut((import.organization, import.id), import.clone());
            Ok(true)
        })
    }

    async fn table_import(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<Option<StoredTableImport>, StoreError> {
        Ok(self.snapshot()?.table_imports.get(&(organization, id)).cloned())
    }

    async fn table_imports(&self, organization: OrganizationId) -> Result<Vec<StoredTableImport>, StoreError> {
        let mut imports: Vec<StoredTableImport> = self.snapshot()?.imports_of(organization).cloned().collect();
        imports.sort_unstable_by_key(|import| Reverse(import.id));
        imports.truncate(MAX_TABLE_IMPORTS);
        Ok(imports)
    }

    async fn update_table_import(&self, import: &StoredTableImport) -> Result<bool, StoreError> {
        self.change(|state| {
            let Some(stored) = state.table_imports.get_mut(&(import.organization, import.id)) else { return Ok(false) };
            let is_next = stored.version + 1 == import.version;
            if is_next {
                stored.version = import.version;
                stored.document.clone_from(&import.document);
                stored.updated_at = import.updated_at;
                stored.expires_at = import.expires_at;
            }
            Ok(is_next)
        })
    }

    async fn add_table_part(
        &self,
        organization: OrganizationId,
        import: Id<TableImportId>,
        part: i64,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.change(|state| {
            let key = (organization, import, part);
            if state.table_parts.contains_key(&key) {
                return Err(StoreError::Corrupt(format!("part {part} of a table is stored twice").into()));
            }
            state.table_parts.insert_mut(key, Arc::from(bytes));
            Ok(())
        })
    }

    async fn table_part(
        &self,
        organization: OrganizationId,
        import: Id<TableImportId>,
        part: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.snapshot()?.table_parts.get(&(organization, import, part)).map(|bytes| bytes.to_vec()))
    }

    async fn delete_table_import(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<bool, StoreError> {
        self.change(|state| Ok(state.delete_import((organization, id))))
    }

    async fn delete_expired_table_imports(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| {
            let expired = state.table_imports.iter().filter(|(_, import)| import.expires_at <= now);
            let mut expired: Vec<_> = expired.map(|(key, import)| (import.expires_at, *key)).collect();
            expired.sort_unstable();
            expired.truncate(limit);
            for (_, key) in &expired {
                state.delete_import(*key);
            }
            Ok(expired.len() as u64)
        })
    }
}

impl State {
    fn imports_of(&self, organization: OrganizationId) -> impl Iterator<Item = &StoredTableImport> {
        self.table_imports.iter().filter(move |((of, _), _)| *of == organization).map(|(_, import)| import)
    }

    fn delete_import(&mut self, key: (OrganizationId, Id<TableImportId>)) -> bool {
        let parts = self.table_parts.keys().filter(|(organization, import, _)| (*organization, *import) == key);
        for part in parts.copied().collect::<Vec<_>>() {
            self.table_parts.remove_mut(&part);
        }
        self.table_imports.remove_mut(&key)
    }
}
