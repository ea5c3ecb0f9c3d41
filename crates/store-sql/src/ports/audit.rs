//! The audit log: entries and the hash chains that seal them.

mod append;
mod changes;
mod entry;
mod log;
mod seal;

pub(crate) use append::EntryBatcher;
pub(crate) use entry::insert;
#[cfg(test)]
pub(crate) use log::{entry_list, entry_stream, unsealed_statements};
