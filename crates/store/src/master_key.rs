//! What a store recognizes the installation's master key by.

use async_trait::async_trait;
use kernel::StoreError;

/// Keeps a value that is derived from the master key and tells nothing of it, so that whoever opens the installation with
/// another key finds out before anything is encrypted, signed or refused with it.
#[async_trait]
pub trait MasterKeyCheck: Send + Sync {
    /// The value; `None` before the installation has begun.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn master_key_check(&self) -> Result<Option<String>, StoreError>;

    /// Keeps this value, unless there is one, and tells which is kept: of several that begin at once, one is the first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn keep_master_key_check(&self, value: &str) -> Result<String, StoreError>;
}
