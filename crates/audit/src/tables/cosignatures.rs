//! The table of the heads that witnesses have cosigned.

use async_trait::async_trait;
use kernel::{OrganizationId, StoreError};

/// The newest head of a log that a witness has cosigned. Nobody may rely on it before its signatures are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedRow {
    /// The organization of the log.
    pub organization: OrganizationId,
    /// The name of the log.
    pub origin: String,
    /// The verifier key of the witness.
    pub witness: String,
    /// The note with the signatures of the log and the witness.
    pub note: Vec<u8>,
}

/// The table of the heads that witnesses have cosigned. It has one row for each log and witness.
#[async_trait]
pub trait CosignatureTable: Send + Sync {
    /// Returns the rows of the log with this name and of these witnesses that exist, in any order.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn cosigned(
        &self,
        organization: OrganizationId,
        origin: &str,
        witnesses: &[String],
    ) -> Result<Vec<CosignedRow>, StoreError>;

    /// Stores rows in the place of those with the same log and witness.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn store_cosigned(&self, rows: &[CosignedRow]) -> Result<(), StoreError>;
}
