//! The pages of submissions: the calendar of what is due, and a package with its life and its events.

mod calendar;
mod event;
mod package;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use crate::page_operation::page_operation;

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
    vec![
        page("/app/submissions", read, "submission_package.listed", calendar::handle),
        page("/app/submission-packages/{id}", read, "submission_package.read", package::open),
        page("/app/submission-packages/{id}/events/new", change, "submission_package.form_opened", event::open),
        write("/app/submission-packages/{id}/transition", "submission_package.moved", package::submit),
        write("/app/submission-packages/{id}/events", "submission_package.event_recorded", event::submit),
    ]
}
