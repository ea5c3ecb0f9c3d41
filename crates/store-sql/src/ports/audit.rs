//! The audit log: entries, counts of repeated calls, and the hash chains that seal entries.

mod append;
mod changes;
mod entry;
mod log;
mod removal;
mod repeats;
mod seal;

pub(crate) use append::EntryBatcher;
pub(crate) use entry::insert;
#[cfg(test)]
pub(crate) use log::{CHANGES, entry_list, entry_stream, unsealed_statements};
