//! Imports of uploaded tables: the state of each and the bytes of its file, which any server can continue with.

use async_trait::async_trait;
use auth::UserId;
use kernel::{HasIdPrefix, Id, OrganizationId, StoreError, Timestamp};

/// The most imports that an organization has at a time, which bounds what their files take.
pub const MAX_TABLE_IMPORTS: usize = 20;

/// Marker for the identifiers of imports of tables: `imp_…`.
#[derive(Debug)]
pub enum TableImportId {}

impl HasIdPrefix for TableImportId {
    const PREFIX: &'static str = "imp";
}

/// An import of an uploaded table as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTableImport {
    /// The organization.
    pub organization: OrganizationId,
    /// The identifier.
    pub id: Id<TableImportId>,
    /// The person who has uploaded the file.
    pub user: UserId,
    /// The number of the change that made this state: 1 for the first.
    pub version: i64,
    /// The state, as the use case writes and reads it.
    pub document: String,
    /// The time of the upload.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The time at which the import and its file are deleted.
    pub expires_at: Timestamp,
}

/// Stores imports of tables until they expire.
#[async_trait]
pub trait TableImports: Send + Sync {
    /// Adds an import. Returns whether it was: an organization has at most [`MAX_TABLE_IMPORTS`].
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn add_table_import(&self, import: &StoredTableImport) -> Result<bool, StoreError>;

    /// Returns an import of the organization.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn table_import(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<Option<StoredTableImport>, StoreError>;

    /// Returns the imports of the organization, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn table_imports(&self, organization: OrganizationId) -> Result<Vec<StoredTableImport>, StoreError>;

    /// Replaces the import whose version is one lower. Returns whether it did: another process may have changed it, or it
    /// has expired.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn update_table_import(&self, import: &StoredTableImport) -> Result<bool, StoreError>;

    /// Adds a part of the file of an import, from part 0 on.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or the part is there already.
    async fn add_table_part(
        &self,
        organization: OrganizationId,
        import: Id<TableImportId>,
        part: i64,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError>;

    /// Returns a part of the file of an import.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn table_part(
        &self,
        organization: OrganizationId,
        import: Id<TableImportId>,
        part: i64,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Deletes an import with its file. Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delete_table_import(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<bool, StoreError>;

    /// Deletes imports of all organizations that have expired, with their files, at most `limit`. Returns their number.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delete_expired_table_imports(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
