//! The check value by which a store recognizes the installation's master key.

use async_trait::async_trait;
use kernel::StoreError;

/// Stores a value that is derived from the master key without revealing it, so that opening the installation with
/// another key fails before anything is encrypted, signed or rejected with that key.
#[async_trait]
pub trait MasterKeyCheck: Send + Sync {
    /// Returns the check value; `None` before the installation is initialized.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn master_key_check(&self) -> Result<Option<String>, StoreError>;

    /// Stores the check value unless there is one, and returns the stored value. If several processes initialize the
    /// installation concurrently, the first one wins.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn store_master_key_check(&self, value: &str) -> Result<String, StoreError>;
}
