//! The heads that witnesses have cosigned.

use async_trait::async_trait;
use audit::tables::{CosignatureTable, CosignedRow};
use kernel::{OrganizationId, StoreError};

use super::MemoryTables;

#[async_trait]
impl CosignatureTable for MemoryTables {
    async fn cosigned(
        &self,
        organization: OrganizationId,
        origin: &str,
        witnesses: &[String],
    ) -> Result<Vec<CosignedRow>, StoreError> {
        let log = self.shared.snapshot()?.log;
        let row = |witness: &String| {
            let note = log.cosigned.get(&(organization, origin.to_owned(), witness.clone()))?;
            Some(CosignedRow { organization, origin: origin.to_owned(), witness: witness.clone(), note: note.clone() })
        };
        Ok(witnesses.iter().filter_map(row).collect())
    }

    async fn store_cosigned(&self, rows: &[CosignedRow]) -> Result<(), StoreError> {
        self.shared.change(|state| {
            for row in rows {
                let key = (row.organization, row.origin.clone(), row.witness.clone());
                state.log.cosigned.insert_mut(key, row.note.clone());
            }
            Ok(())
        })
    }
}
