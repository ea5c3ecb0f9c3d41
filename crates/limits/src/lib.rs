//! How often a caller may call: buckets that refill continuously (GCRA), charged several at a time or not at all
//! (contract v1 § 5).

mod bounded;
mod bucket;
mod decision;
mod memory;
mod quota;
mod store;

pub use bucket::{Bucket, BucketKey, Peer};
pub use decision::{Decision, Standing, decide};
pub use memory::MemoryLimits;
pub use quota::{ArrivalTime, Quota};
pub use store::{Charge, LimitStore};
