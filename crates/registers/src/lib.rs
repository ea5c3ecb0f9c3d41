//! The read-mostly modules, one file each: records that people and importers maintain and integrations read.

mod control;
mod keep;

pub use control::{Control, ControlFilter, ControlStatus};
pub use keep::{Kept, Register, keep};
