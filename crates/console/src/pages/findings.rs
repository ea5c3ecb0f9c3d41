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
mod triage_outcome;
mod triage_result;

use auth::Permission;
use findings::{Finding, Status};
use http_api::{endpoints::Operation, request::Access};

pub(super) use finding::owner_of;

use super::register_pages::export_of;
use crate::page_operation::{form_at, page_at};

/// The statuses of findings that somebody has to work on.
const OPEN: [Status; 5] =
    [Status::Open, Status::Triaged, Status::RemediationPlanned, Status::Remediating, Status::Verified];

/// Whether somebody has to work on a finding with this status.
fn is_open(status: Status) -> bool {
    OPEN.contains(&status)
}

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let (read, change) = (Access::Permission(Permission::ReadRecords), Access::Permission(Permission::ChangeRecords));
    let export = export_of::<Finding>().into_iter();
    let pages = vec![
        page_at("/app/findings", read, "finding.listed", list::handle),
        page_at("/app/findings/{id}", read, "finding.read", finding::open),
        page_at("/app/findings/new", change, "finding.form_opened", form::open_new),
        page_at(triage_outcome::RESULT, change, "finding.triage_result_opened", triage_result::show),
        page_at("/app/findings/{id}/edit", change, "finding.form_opened", form::open_edit),
        page_at("/app/findings/{id}/events/new", change, "finding.form_opened", event::open),
        form_at("/app/findings", change, "finding.created", form::create),
        form_at("/app/findings/{id}/edit", change, "finding.updated", form::edit),
        form_at("/app/findings/{id}/transition", change, "finding.updated", transition::submit),
        form_at("/app/findings/{id}/comments", change, "finding.event_recorded", finding::comment),
        form_at("/app/findings/{id}/events", change, "finding.event_recorded", event::submit),
        form_at("/app/findings/triage", change, "finding.triage_opened", triage::open),
        form_at("/app/findings/triage/apply", change, "finding.updated", triage_result::apply),
    ];
    pages.into_iter().chain(export).collect()
}
