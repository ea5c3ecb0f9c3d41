//! Lookup of organizations, for operators, whose commands name a workspace instead of a credential.

use async_trait::async_trait;
use kernel::{Organization, Slug, StoreError, Stored};

/// Reads across organizations: only for the command line and the audit sealer, never for the API.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Returns all organizations, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn organizations(&self) -> Result<Vec<Stored<Organization>>, StoreError>;

    /// Returns the organization with this slug.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn organization(&self, slug: &Slug) -> Result<Option<Stored<Organization>>, StoreError>;
}
