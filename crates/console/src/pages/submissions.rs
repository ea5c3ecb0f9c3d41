//! The pages of submissions: the calendar of what is due, and a package with its life and its events.

mod calendar;
mod event;
mod package;
mod recipients;

use auth::Permission;
use http_api::{endpoints::Operation, request::Access};

use crate::page_operation::{form_at, page_at};

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let (read, change) = (Access::Permission(Permission::ReadRecords), Access::Permission(Permission::ChangeRecords));
    vec![
        page_at("/app/submissions", read, "submission_package.listed", calendar::handle),
        page_at("/app/submission-packages/{id}", read, "submission_package.read", package::open),
        page_at("/app/submission-packages/{id}/events/new", change, "submission_package.form_opened", event::open),
        form_at("/app/submission-packages/{id}/transition", change, "submission_package.moved", package::submit),
        form_at("/app/submission-packages/{id}/events", change, "submission_package.event_recorded", event::submit),
    ]
}
