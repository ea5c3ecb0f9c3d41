//! What is asked of a store that keeps buckets.

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{bucket::BucketKey, decision::Decision, quota::Quota};

/// One call to be taken out of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which bucket.
    pub key: BucketKey,
    /// What it holds.
    pub quota: Quota,
}

/// Keeps buckets, for one process or a whole installation.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Takes one call out of each of these buckets, or out of none when one of them holds none. The buckets are distinct.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError>;
}
