//! The pages of findings: the list with its selection, a finding with its life, and triage in bulk.

mod audit_entries;
mod event;
mod finding;
mod form;
mod life;
mod list;
mod surroundings;
mod transition;
mod triage;
mod triage_result;

use auth::Permission;
use axum::http::Method;
use findings::{Finding, Status};
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use super::register_pages::export_of;
use crate::page_operation::page_operation;

/// The statuses of findings that somebody has to work on.
const OPEN: [Status; 5] =
    [Status::Open, Status::Triaged, Status::RemediationPlanned, Status::Remediating, Status::Verified];

/// Whether somebody has to work on a finding with this status.
fn is_open(status: Status) -> bool {
    OPEN.contains(&status)
}

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let page = |path, permission, action, handler: Handler| Operation {
        handler,
        ..page_operation(Method::GET, path, Access::Permission(permission), action)
    };
    let write = |path, action, handler: Handler| Operation {
        handler,
        charge: Charge::Write,
        ..page_operation(Method::POST, path, Access::Permission(Permission::ChangeRecords), action)
    };
    let (read, change) = (Permission::ReadRecords, Permission::ChangeRecords);
    let export = export_of::<Finding>().into_iter();
    let pages = vec![
        page("/app/findings", read, "finding.listed", list::handle),
        page("/app/findings/{id}", read, "finding.read", finding::open),
        page("/app/findings/new", change, "finding.form_opened", form::open_new),
        page("/app/findings/{id}/edit", change, "finding.form_opened", form::open_edit),
        page("/app/findings/{id}/events/new", change, "finding.form_opened", event::open),
        write("/app/findings", "finding.created", form::create),
        write("/app/findings/{id}/edit", "finding.updated", form::edit),
        write("/app/findings/{id}/transition", "finding.updated", transition::submit),
        write("/app/findings/{id}/comments", "finding.event_recorded", finding::comment),
        write("/app/findings/{id}/events", "finding.event_recorded", event::submit),
        write("/app/findings/triage", "finding.triage_opened", triage::open),
        write("/app/findings/triage/apply", "finding.updated", triage_result::apply),
    ];
    pages.into_iter().chain(export).collect()
}
