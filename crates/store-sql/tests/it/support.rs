//! Databases and servers for the tests.

pub(crate) mod old_entries;
pub(crate) mod portable_statements;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod store;
pub(crate) mod tls_front;

pub(crate) use store::open_store;
