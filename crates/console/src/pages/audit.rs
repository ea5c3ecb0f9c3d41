//! The audit log: its list with filters, its entries, its export, and the files with which others verify that.

mod actions;
mod entry;
mod export;
mod filter_form;
mod filters;
mod list;
mod names;
mod proof;
mod search;
mod summaries;
mod table;

use auth::Permission;
use http_api::{
    endpoints::Operation,
    request::{Access, MediaType},
};

use crate::page_operation::page_at;

pub(super) use names::of_subjects;
pub(super) use search::of_request;
pub(super) use table::{calls_table, entries_table};

const LIST: &str = "/app/audit";
const EXPORT: &str = "/app/audit/export.jsonl";
const PUBLIC_KEY: &str = "/app/audit/public-key.pem";
const CHECKPOINT: &str = "/app/audit/checkpoint.json";
const VERIFIER_KEY: &str = "/app/audit/log.vkey";

/// The command that verifies the export, with the names under which browsers save the files.
const VERIFY_COMMAND: &str = "novantra audit verify --file audit-log.jsonl --public-key public-key.pem";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let access = Access::Permission(Permission::ReadAuditLog);
    vec![
        page_at(LIST, access, "audit_entry.listed", list::handle),
        Operation {
            media_types: &[MediaType::NdJson],
            ..page_at(EXPORT, access, "audit_log.exported", export::handle)
        },
        Operation {
            media_types: &[MediaType::Any],
            ..page_at(PUBLIC_KEY, access, "audit_public_key.read", proof::public_key)
        },
        Operation {
            media_types: &[MediaType::Any],
            ..page_at(CHECKPOINT, access, "audit_checkpoint.read", proof::checkpoint)
        },
        Operation {
            media_types: &[MediaType::Any],
            ..page_at(VERIFIER_KEY, access, "audit_public_key.read", proof::verifier_key)
        },
        page_at("/app/audit/{id}", access, "audit_entry.read", entry::handle),
        Operation {
            media_types: &[MediaType::Any],
            ..page_at("/app/audit/{id}/proof", access, "audit_proof.read", proof::entry_proof)
        },
    ]
}
