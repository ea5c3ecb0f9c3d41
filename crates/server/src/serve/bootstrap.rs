//! The start of a server: its lock, its limits, and the records of a first start or of the demo.

pub(super) mod demo;
pub(super) mod first_start;
mod lock;
pub(super) mod open_files;

pub(crate) use lock::ServerLock;
