//! The read-mostly modules, one file each: records that people and importers maintain and integrations read.

mod control;
mod sync;

pub use control::{Control, ControlFilter, ControlStatus};
pub use sync::{RegisterRecord, SyncOutcome, sync};
