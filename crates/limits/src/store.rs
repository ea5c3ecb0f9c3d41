//! The port of a store that holds buckets.

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{charge::Charge, decision::Decision};

/// Holds the buckets of one process or of an installation.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Takes one call from each of these buckets, or from none if one of them is empty. The buckets must be distinct.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError>;

    /// Returns one call to each of these buckets, of an allowed charge whose request was refused before any work was done
    /// for it. A call that can't be returned any more refills by itself.
    fn refund(&self, charges: &[Charge], now: Timestamp);
}
