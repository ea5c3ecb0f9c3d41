//! The identity of an installation in memory, which is never a copy.

use async_trait::async_trait;
use kernel::StoreError;
use store::{InstallationIdentity, LogGeneration};

use crate::MemoryStore;

#[async_trait]
impl InstallationIdentity for MemoryStore {
    async fn installation_id(&self) -> Result<Option<String>, StoreError> {
        Ok(self.snapshot()?.installation_id)
    }

    async fn store_installation_id(&self, id: &str) -> Result<String, StoreError> {
        self.change(|state| Ok(state.installation_id.get_or_insert_with(|| id.to_owned()).clone()))
    }

    async fn log_generation(&self) -> Result<LogGeneration, StoreError> {
        self.snapshot().map(|_| LogGeneration::default())
    }

    async fn set_log_generation_recorded(&self) -> Result<(), StoreError> {
        self.snapshot().map(drop)
    }

    fn expect_installation(&self, _: &str, _: &str) {}

    async fn webhooks_paused(&self) -> Result<bool, StoreError> {
        self.snapshot().map(|_| false)
    }

    async fn is_unrenewed_copy(&self) -> Result<bool, StoreError> {
        self.snapshot().map(|_| false)
    }
}
