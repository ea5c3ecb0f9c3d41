//! The use cases that commands, the first start, the demo and the server's tasks share: every change that an
//! installation makes without a request, and the lookups that several of them need.
//!
//! They take an open [`Installation`](crate::compose::Installation) or an [`Operator`] and domain values, and return
//! domain values. Their callers parse arguments and print results.

mod attachment_sweeper;
mod audit_retention;
mod audit_sealer;
mod audit_witnesses;
mod evidence_claims;
mod evidence_expiry;
mod evidence_files;
mod evidence_verifier;
mod exporter;
mod external_sort;
mod importer;
mod log_continuation;
mod log_health;
mod operator;
mod oscal_exporter;
mod record_commands;
mod rollup_counter;
mod scan_importer;
mod scan_lease;
mod scan_series;
mod search_indexer;
mod service_accounts;
mod signing_keys;
mod table_imports;
mod users;
mod webhook_deliveries;
mod workspaces;

pub(crate) use attachment_sweeper::{AttachmentSweeper, SweepSummary};
pub(crate) use audit_retention::AuditRetention;
pub(crate) use audit_sealer::AuditSealer;
pub(crate) use audit_witnesses::{AuditWitnesses, WitnessConflict, recorded_conflicts};
pub(crate) use evidence_claims::{ClaimDecision, decide_claim, find_claim};
pub(crate) use evidence_expiry::EvidenceExpiry;
pub(crate) use evidence_files::{EvidenceFile, find_files, record_downloads};
pub(crate) use evidence_verifier::{EvidenceVerifier, VerifiedEvidence};
pub(crate) use exporter::{ExportFormat, ExportSelection, Exporter};
pub(crate) use importer::{
    DraftFailures, DraftSource, ImportCounts, Importer, KeptRows, MAX_FAILED_ROWS, MAX_LISTED_FAILURES, PendingDraft,
    TableDraftWriter, TableDrafts,
};
pub(crate) use log_continuation::record_log_continuation;
pub(crate) use log_health::{HeadFaults, Incidents, UnacceptedRow, head_faults, recorded_incidents, refused_rows};
pub(crate) use operator::Operator;
pub(crate) use oscal_exporter::OscalExporter;
pub(crate) use record_commands::{CommandRecord, change_record, find_record};
pub(crate) use rollup_counter::RollupCounter;
pub(crate) use scan_lease::ScanLeases;
pub(crate) use scan_series::ScanSeries;
pub(crate) use search_indexer::SearchIndexer;
pub(crate) use service_accounts::{
    ChangedAccount, create_account, find_account, list_accounts, rotate_secret, set_account_limits, set_account_scopes,
    set_account_status,
};
pub(crate) use signing_keys::{retire_signing_key, rotate_if_due, rotate_signing_key};
pub(crate) use table_imports::SharedTables;
pub(crate) use users::{find_user, workspace_ref};
pub(crate) use webhook_deliveries::redeliver;
pub(crate) use workspaces::{create_workspace, find_workspace};
