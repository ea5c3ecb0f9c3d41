//! Every endpoint of version 1. A new module adds its lines here.

mod webhooks;

use std::sync::LazyLock;

use ::webhooks::{WebhookDelivery, WebhookSubscription};
use axum::http::{Method, StatusCode};
use findings::{Finding, FindingEvent};
use futures_util::future::BoxFuture;
use kernel::Organization;
use registers::Control;
use scopes::Scope;
use serde_json::Value;

use crate::{
    accept::Format,
    app::App,
    call::Call,
    openapi,
    operation::{Access, Charge, Document, Media, Operation},
    problem::Problem,
    query::Query,
    reply::Reply,
    resources::{audit_entry, finding, finding_batch, finding_event, organization, token, webhook_event_type},
    view::{component, get, get_document, list, list_document},
};

/// What most is answered in.
const JSON: &[Format] = &[Format::Json];
/// What lists are answered in: a page, or the whole collection.
const JSON_OR_LINES: &[Format] = &[Format::Json, Format::Lines];

/// Paths without a parameter come before those that would take their last segment for one.
pub(crate) static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let mut all = vec![
        Operation {
            method: Method::POST,
            path: "/api/v1/auth/token",
            id: "issueToken",
            tag: "Authentication",
            summary: "Get an access token",
            says: "Client credentials in JSON, as a form, or by HTTP Basic.",
            access: Access::Open,
            charge: Charge::Read,
            formats: JSON,
            action: "token.issued",
            handler: token::post,
            document: token::document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/openapi.json",
            id: "getOpenapi",
            tag: "Authentication",
            summary: "Get this document",
            says: "OpenAPI 3.1, the same for everybody.",
            access: Access::Open,
            charge: Charge::Read,
            formats: JSON,
            action: "openapi.read",
            handler: document,
            document: document_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/organization",
            id: "getOrganization",
            tag: "Organization",
            summary: "Get the organization",
            says: "The one the credential belongs to.",
            access: Access::Scope(Scope::OrganizationRead),
            charge: Charge::Read,
            formats: JSON,
            action: "organization.read",
            handler: organization::own,
            document: get_document::<Organization>,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/controls",
            id: "listControls",
            tag: "Controls",
            summary: "List controls",
            says: "Newest first, or oldest change first with `order=updated`.",
            access: Access::Scope(Scope::ControlsRead),
            charge: Charge::Read,
            formats: JSON_OR_LINES,
            action: "control.listed",
            handler: list::<Control>,
            document: list_document::<Control>,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/controls/{controlId}",
            id: "getControl",
            tag: "Controls",
            summary: "Get a control",
            says: "With an `ETag` that names its revision.",
            access: Access::Scope(Scope::ControlsRead),
            charge: Charge::Read,
            formats: JSON,
            action: "control.read",
            handler: get::<Control>,
            document: get_document::<Control>,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/findings",
            id: "listFindings",
            tag: "Findings",
            summary: "List findings",
            says: "Newest first, or oldest change first with `order=updated`.",
            access: Access::Scope(Scope::FindingsRead),
            charge: Charge::Read,
            formats: JSON_OR_LINES,
            action: "finding.listed",
            handler: list::<Finding>,
            document: list_document::<Finding>,
        },
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/findings",
            id: "createFinding",
            tag: "Findings",
            summary: "Create a finding",
            says: "It starts `open`. A key that is taken is a 409 whose body names the finding that has it, in `existingId`.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            formats: JSON,
            action: "finding.created",
            handler: finding::post,
            document: finding::post_document,
        },
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/findings/batch",
            id: "batchFindings",
            tag: "Findings",
            summary: "Create or update up to 500 findings",
            says: "Each item succeeds or fails on its own; the whole call counts as one write. With `onConflict: update` the \
                   content of a finding that is there is brought up to date, never its status; what an item leaves out stays. \
                   `skip`, the default, leaves it as it is.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            formats: JSON,
            action: "finding.batch_written",
            handler: finding_batch::post,
            document: finding_batch::document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/findings/{findingId}",
            id: "getFinding",
            tag: "Findings",
            summary: "Get a finding",
            says: "With an `ETag` that names its revision.",
            access: Access::Scope(Scope::FindingsRead),
            charge: Charge::Read,
            formats: JSON,
            action: "finding.read",
            handler: get::<Finding>,
            document: get_document::<Finding>,
        },
        Operation {
            method: Method::PATCH,
            path: "/api/v1/governance/findings/{findingId}",
            id: "updateFinding",
            tag: "Findings",
            summary: "Change a finding",
            says: "What is left out stays; null clears. A status that may not follow the present one is a 422 that names those \
                   that may. `If-Match` guards against changes by others.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            formats: JSON,
            action: "finding.updated",
            handler: finding::patch,
            document: finding::patch_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/findings/{findingId}/events",
            id: "listFindingEvents",
            tag: "Findings",
            summary: "List what was reported about a finding",
            says: "Newest first, or oldest change first with `order=updated`.",
            access: Access::Scope(Scope::FindingsRead),
            charge: Charge::Read,
            formats: JSON_OR_LINES,
            action: "finding.events_listed",
            handler: finding_event::list,
            document: finding_event::list_document,
        },
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/findings/{findingId}/events",
            id: "reportFindingEvent",
            tag: "Findings",
            summary: "Report something about a finding",
            says: "An event that implies a status moves the finding there, or is a 422 where the present status does not \
                   allow it.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            formats: JSON,
            action: "finding.event_recorded",
            handler: finding_event::post,
            document: finding_event::post_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/audit/entries",
            id: "listAuditEntries",
            tag: "Audit log",
            summary: "List entries of the audit log",
            says: "Every call of every service account, refused ones included. Newest first, or oldest first with \
                   `order=updated`.",
            access: Access::Scope(Scope::AuditRead),
            charge: Charge::Read,
            formats: JSON_OR_LINES,
            action: "audit_entry.listed",
            handler: audit_entry::list,
            document: audit_entry::document,
        },
    ];
    all.extend(webhooks::operations());
    all
});

/// The shapes of records, for the document's components.
pub(crate) fn components() -> Vec<(&'static str, Value)> {
    vec![
        component::<Organization>(),
        component::<Control>(),
        component::<Finding>(),
        component::<FindingEvent>(),
        ("AuditEntry", audit_entry::schema()),
        ("EventType", webhook_event_type::schema()),
        component::<WebhookSubscription>(),
        component::<WebhookDelivery>(),
    ]
}

/// Stands in for the endpoint where there is none.
pub(crate) static NOWHERE: LazyLock<Operation> = LazyLock::new(|| Operation {
    method: Method::GET,
    path: "unmatched",
    id: "unmatched",
    tag: "",
    summary: "",
    says: "",
    access: Access::Nowhere,
    charge: Charge::Read,
    formats: JSON,
    action: "call.unmatched",
    handler: nowhere,
    document: document_document,
});

fn nowhere<'a>(_: &'a App, _: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async { Err(Problem::no_such_route()) })
}

fn document<'a>(_: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        Query::parse(call.query()).finish()?;
        Ok(Reply::json(StatusCode::OK, openapi::served()))
    })
}

fn document_document() -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: Media {
            schema: serde_json::json!({ "type": "object" }),
            example: serde_json::json!({ "openapi": "3.1.0" }),
        },
        line: None,
        errors: &[400],
        codes: &[],
        response_headers: &[],
    }
}
