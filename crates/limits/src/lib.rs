//! How often a caller may call: buckets that refill continuously (GCRA), charged several at a time or not at all
//! (contract v1 § 5).
//!
//! [`MemoryLimits`] keeps them for one process. [`LeasedLimits`] keeps them for an installation of any number of servers,
//! over [`SharedBuckets`] that all of them reach.

mod bounded;
mod bucket;
mod decision;
mod leased;
mod memory;
mod quota;
mod shared;
mod store;

pub use bucket::{Bucket, BucketKey, Peer};
pub use decision::{Decision, Standing, decide};
pub use leased::{LeasedLimits, Spawn};
pub use memory::MemoryLimits;
pub use quota::{ArrivalTime, Quota};
pub use shared::{STRAY, SharedBuckets, Take, Taken};
pub use store::{Charge, LimitStore};
