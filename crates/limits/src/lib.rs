//! Rate limits: buckets that refill continuously (GCRA). A call is charged to several buckets atomically (contract v1
//! § 5).
//!
//! [`MemoryLimits`] holds the buckets of one process. [`LeasedLimits`] holds those of an installation of any number of
//! servers, over [`SharedBuckets`] that all servers can reach.

mod bounded;
mod bucket;
mod charge;
mod decision;
mod leased;
mod memory;
mod quota;
mod shared;
mod store;

pub use bucket::{Bucket, BucketKey, Peer};
pub use charge::Charge;
pub use decision::{BucketState, Decision, decide};
pub use leased::{LeasedLimits, SpawnFn};
pub use memory::MemoryLimits;
pub use quota::{ArrivalTime, Quota};
pub use shared::{Exchange, ExchangeResult, MAX_CLOCK_SKEW, SharedBuckets};
pub use store::LimitStore;
