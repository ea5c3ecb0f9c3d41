//! The identity of an installation.

use async_trait::async_trait;
use kernel::StoreError;

/// The generation of the audit logs: a new one begins when a database goes on from an earlier state of another one, so
/// that no two different logs are signed under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogGeneration {
    /// Its name, a part of the names of the logs; `None` for the first one.
    pub name: Option<String>,
    /// The name of the generation before, until the logs have entries of the beginning of this one.
    pub unrecorded: Option<String>,
}

/// Stores what tells an installation from its copies.
#[async_trait]
pub trait InstallationIdentity: Send + Sync {
    /// Returns the identifier of the installation; `None` before a server has started on it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn installation_id(&self) -> Result<Option<String>, StoreError>;

    /// Stores the identifier unless there is one, and returns the stored one. If several servers start concurrently,
    /// the first one wins.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn store_installation_id(&self, id: &str) -> Result<String, StoreError>;

    /// Returns the generation of the audit logs.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn log_generation(&self) -> Result<LogGeneration, StoreError>;

    /// Stores that the logs have entries of the beginning of their generation.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn set_log_generation_recorded(&self) -> Result<(), StoreError>;

    /// Accepts only the database of this installation from now on, which a server does once it knows it. If another one
    /// takes its place under the running server, changes and seals are refused and the store is not ready, for good.
    fn expect_installation(&self, id: &str, master_key_check: &str);

    /// Returns whether no webhook delivery may be sent, because the installation is a copy of another one, which sends
    /// them. Those of an unrenewed copy are paused, too.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn webhooks_paused(&self) -> Result<bool, StoreError>;

    /// Returns whether the installation is a copy on which no server has started yet. Its identifier is still that of the
    /// original; the first server that starts on it renews it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn is_unrenewed_copy(&self) -> Result<bool, StoreError>;
}
