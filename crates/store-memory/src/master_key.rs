//! The check value of the master key.

use async_trait::async_trait;
use kernel::StoreError;
use store::MasterKeyCheck;

use crate::MemoryStore;

#[async_trait]
impl MasterKeyCheck for MemoryStore {
    async fn master_key_check(&self) -> Result<Option<String>, StoreError> {
        Ok(self.snapshot()?.master_key_check)
    }

    async fn store_master_key_check(&self, value: &str) -> Result<String, StoreError> {
        self.change(|state| Ok(state.master_key_check.get_or_insert_with(|| value.to_owned()).clone()))
    }
}
