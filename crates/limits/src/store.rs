//! The port of a store that holds buckets.

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{bucket::BucketKey, decision::Decision, quota::Quota};

/// A charge of one call to one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The key of the bucket.
    pub key: BucketKey,
    /// The quota of the bucket.
    pub quota: Quota,
}

/// Holds the buckets of one process or of an installation.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Takes one call from each of these buckets, or from none if one of them is empty. The buckets must be distinct.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError>;
}
