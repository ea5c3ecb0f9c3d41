//! Charges of calls to buckets.

use crate::{bucket::BucketKey, quota::Quota};

/// A charge of one call to one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The key of the bucket.
    pub key: BucketKey,
    /// The quota of the bucket.
    pub quota: Quota,
}
