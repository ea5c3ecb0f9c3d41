//! The audit log: entries as they come in, and their places in the chains.

mod changes;
mod entry;
mod log;
mod seal;
mod trail;

pub(crate) use entry::insert;
pub(crate) use trail::Trail;
