//! The background tasks of the server, which run until it shuts down.

pub(super) mod cosign_heads;
pub(super) mod count_rollups;
pub(super) mod expire_evidence;
pub(super) mod fan_out_events;
pub(super) mod index_titles;
pub(super) mod maintenance;
pub(super) mod record_repeated_calls;
pub(super) mod refresh_signing_keys;
pub(super) mod reload_certificate;
pub(super) mod report_repeats;
pub(super) mod return_rate_limits;
pub(super) mod seal_audit_log;
pub(super) mod send_deliveries;
pub(super) mod settle_rows;
pub(super) mod sweep_attachments;
