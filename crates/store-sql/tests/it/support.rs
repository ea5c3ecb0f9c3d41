//! Databases and servers for the tests.

pub(crate) mod portable_statements;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod tls_front;
