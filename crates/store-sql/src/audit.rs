//! The audit log: entries and the hash chains that seal them.

mod changes;
mod entry;
mod log;
mod seal;
mod trail;

pub(crate) use entry::{COLUMNS, TABLE, WAITING, insert};
#[cfg(test)]
pub(crate) use log::{entry_list, entry_stream, over_the_unsealed};
pub(crate) use seal::{COLUMNS as SEAL_COLUMNS, TABLE as SEALS};
pub(crate) use trail::Trail;
