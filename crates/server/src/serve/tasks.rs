//! The background tasks of the server.

pub(super) mod maintenance;
pub(super) mod refresh_signing_keys;
pub(super) mod seal_audit_log;
pub(super) mod webhooks;
