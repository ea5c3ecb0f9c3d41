//! Finding organizations: for operators, whose commands name a workspace and not a credential.

use async_trait::async_trait;
use kernel::{Organization, Slug, StoreError, Stored};

/// Reads across organizations; behind the command line and the sealer, never behind the API.
#[async_trait]
pub trait Directory: Send + Sync {
    /// All organizations, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn organizations(&self) -> Result<Vec<Stored<Organization>>, StoreError>;

    /// The organization with this slug.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn organization(&self, slug: &Slug) -> Result<Option<Stored<Organization>>, StoreError>;
}
