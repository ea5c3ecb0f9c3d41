//! The endpoints of the events of submission packages. Requirements and packages are registers.

use ::submissions::SubmissionEvent;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge},
};
use scopes::Scope;

use super::{JSON, JSON_OR_NDJSON};
use crate::{
    record_view::{list_register, list_register_document},
    resources::submission_event,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/submissions/packages/{packageId}/events",
            id: "listSubmissionEvents",
            tag: "Submissions",
            summary: "List the events of a submission package",
            description: "Returns the records by creation time, newest first, or with `order=updated` by change time, oldest first.",
            access: Access::Scope(Scope::SubmissionsRead),
            charge: Charge::Read,
            media_types: JSON_OR_NDJSON,
            action: "submission_package.events_listed",
            handler: list_register::<SubmissionEvent>,
            document: list_register_document::<SubmissionEvent>,
        },
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/submissions/packages/{packageId}/events",
            id: "recordSubmissionEvent",
            tag: "Submissions",
            summary: "Record an event of a submission package",
            description: "An event other than `comment` changes the status of the package, and the times and the reference that belong to \
                          it. If the current status does not allow the event, the response is a 422 that lists the allowed ones. \
                          `If-Match` prevents recording an event about a package that others have changed.",
            access: Access::Scope(Scope::SubmissionsWrite),
            charge: Charge::Write,
            media_types: JSON,
            action: "submission_package.event_recorded",
            handler: submission_event::post,
            document: submission_event::post_document,
        },
    ]
}
