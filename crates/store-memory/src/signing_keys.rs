//! Token signing keys.

use async_trait::async_trait;
use auth::{SealedKey, SigningKeys};
use kernel::StoreError;

use crate::MemoryStore;

#[async_trait]
impl SigningKeys for MemoryStore {
    async fn signing_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        Ok(self.snapshot()?.signing_keys.values().cloned().collect())
    }

    async fn add_first_signing_key(&self, key: &SealedKey) -> Result<(), StoreError> {
        self.change(|state| {
            if state.signing_keys.is_empty() {
                state.signing_keys.insert_mut((key.created_at, key.id.clone()), key.clone());
            }
            Ok(())
        })
    }
}
