//! What several of these tests use.

pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod tls_front;
