//! The limits of an installation whose servers lease calls from shared buckets.

mod exchanges;
mod installation;
mod single_server;
mod support;
