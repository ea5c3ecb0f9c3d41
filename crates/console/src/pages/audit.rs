//! The audit log: its list with filters, its entries, and its export.

mod entry;
mod export;
mod filters;
mod list;
mod table;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, MediaType},
};

use crate::page_operation::page_operation;

pub(super) use table::{calls_table, entries_table};

const LIST: &str = "/app/audit";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let page = |path, action, handler: Handler| Operation {
        handler,
        ..page_operation(Method::GET, path, Access::Permission(Permission::ReadAuditLog), action)
    };
    vec![
        page(LIST, "audit_entry.listed", list::handle),
        Operation {
            media_types: &[MediaType::NdJson],
            ..page("/app/audit/export.jsonl", "audit_log.exported", export::handle)
        },
        page("/app/audit/{id}", "audit_entry.read", entry::handle),
    ]
}
