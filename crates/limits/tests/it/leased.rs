//! The limits of an installation whose servers lease calls from shared buckets.

mod exchanges;
mod installation;
mod recorded;
mod single_server;
pub(crate) mod support;
