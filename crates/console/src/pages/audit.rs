//! The audit log: its list with filters, its entries, and its export.

mod entry;
mod export;
mod filters;
mod list;
mod table;

use auth::Permission;
use http_api::{
    endpoints::Operation,
    request::{Access, MediaType},
};

use crate::page_operation::page_at;

pub(super) use table::{calls_table, entries_table};

const LIST: &str = "/app/audit";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let access = Access::Permission(Permission::ReadAuditLog);
    vec![
        page_at(LIST, access, "audit_entry.listed", list::handle),
        Operation {
            media_types: &[MediaType::NdJson],
            ..page_at("/app/audit/export.jsonl", access, "audit_log.exported", export::handle)
        },
        page_at("/app/audit/{id}", access, "audit_entry.read", entry::handle),
    ]
}
