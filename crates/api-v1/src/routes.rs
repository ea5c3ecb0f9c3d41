//! Version 1 of the API: its endpoints, and its OpenAPI document. A new module adds its endpoints here.

mod attachments;
mod audit;
mod submissions;
mod webhooks;

use std::sync::{Arc, LazyLock};

use ::submissions::SubmissionEvent;
use ::webhooks::{WebhookDelivery, WebhookSubscription};
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use findings::{Finding, FindingEvent};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Api, Document, Media, Operation, Surface},
    request::{Access, ApiRequest, Charge, Query},
    response::{ApiResponse, Problem},
};
use kernel::Organization;
use scopes::Scope;
use serde_json::{Value, json};

use crate::{
    media_types::{JSON, JSON_OR_NDJSON},
    record_view::{list_register, list_register_document},
    registers,
    resources::{
        attachment, audit_entry, custody, finding, finding_batch, finding_event, organization, token,
        webhook_event_type,
    },
    services::ApiServices,
    view::{component, get, get_document, list, list_document},
};

/// Version 1 of the API.
static API: LazyLock<Api> = LazyLock::new(|| Api {
    title: "Novantra API",
    version: "1",
    description: "Governance, risk and compliance records for integrations. Every request is made by a service account \
                  with scopes, can be retried safely, and is recorded in the audit log.",
    token_path: "/api/v1/auth/token",
    operations: operations(),
    schemas,
    webhooks: webhook_event_type::webhooks_section,
});

/// Returns version 1 of the API as a surface of the server.
#[must_use]
pub fn surface(services: ApiServices) -> Surface {
    Surface::new(&API.operations, Arc::new(services))
}

/// Returns the OpenAPI document.
#[must_use]
pub fn document() -> Value {
    http_api::openapi::document(&API)
}

/// Returns the OpenAPI document, indented for readability.
#[must_use]
pub fn openapi() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn operations() -> Vec<Operation> {
    let mut all = vec![
        Operation {
            method: Method::POST,
            path: "/api/v1/auth/token",
            id: "issueToken",
            tag: "Authentication",
            summary: "Get an access token",
            description: "Exchanges client credentials for an access token. The credentials are sent as JSON, as a form, or with HTTP Basic.",
            access: Access::Public,
            charge: Charge::Read,
            media_types: JSON,
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
            description: "Returns the OpenAPI 3.1 document of this API. It is the same for every caller.",
            access: Access::Public,
            charge: Charge::Read,
            media_types: JSON,
            action: "openapi.read",
            handler: get_openapi,
            document: openapi_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/organization",
            id: "getOrganization",
            tag: "Organization",
            summary: "Get the organization",
            description: "Returns the organization that the credentials belong to.",
            access: Access::Scope(Scope::OrganizationRead),
            charge: Charge::Read,
            media_types: JSON,
            action: "organization.read",
            handler: organization::get_current,
            document: get_document::<Organization>,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/findings",
            id: "listFindings",
            tag: "Findings",
            summary: "List findings",
            description: "Returns the records by creation time, newest first, or with `order=updated` by change time, oldest first.",
            access: Access::Scope(Scope::FindingsRead),
            charge: Charge::Read,
            media_types: JSON_OR_NDJSON,
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
            description: "The finding starts with the status `open`. If its key is already in use, the response is a 409, and `existingId` in its body is the identifier of the finding with that key.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            media_types: JSON,
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
            description: "Each item succeeds or fails on its own; the whole request counts as one write. With `onConflict: update`, an \
                   existing finding gets the fields that the item has; other fields and the status stay unchanged. With \
                   `onConflict: skip`, the default, an existing finding stays unchanged. A finding whose key is repeated in \
                   one request is written once, in its last state. A request whose existing findings have more than 2 MiB \
                   of text is answered with 413: send fewer of them at a time.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            media_types: JSON,
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
            description: "The response has an `ETag` that identifies the revision.",
            access: Access::Scope(Scope::FindingsRead),
            charge: Charge::Read,
            media_types: JSON,
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
            description: "Fields that are left out stay unchanged; null clears a field. A finding can be sent back as it was read: fields that can't be set are accepted with their present values only. If the status may not follow the current one, the \
                   response is a 422 that lists the allowed ones. `If-Match` prevents overwriting changes by others.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            media_types: JSON,
            action: "finding.updated",
            handler: finding::patch,
            document: finding::patch_document,
        },
        Operation {
            method: Method::GET,
            path: "/api/v1/governance/findings/{findingId}/events",
            id: "listFindingEvents",
            tag: "Findings",
            summary: "List the events of a finding",
            description: "Returns the records by creation time, newest first, or with `order=updated` by change time, oldest first.",
            access: Access::Scope(Scope::FindingsRead),
            charge: Charge::Read,
            media_types: JSON_OR_NDJSON,
            action: "finding.events_listed",
            handler: list_register::<FindingEvent>,
            document: list_register_document::<FindingEvent>,
        },
        Operation {
            method: Method::POST,
            path: "/api/v1/governance/findings/{findingId}/events",
            id: "reportFindingEvent",
            tag: "Findings",
            summary: "Record an event of a finding",
            description: "An event that implies a status changes the finding to that status. If the current status does not allow \
                   this, the response is a 422.",
            access: Access::Scope(Scope::FindingsWrite),
            charge: Charge::Write,
            media_types: JSON,
            action: "finding.event_recorded",
            handler: finding_event::post,
            document: finding_event::post_document,
        },
    ];
    all.extend(audit::operations());
    all.extend(registers::operations());
    all.extend(attachments::operations());
    all.extend(submissions::operations());
    all.extend(webhooks::operations());
    all
}

/// Returns the schemas of the records, for the components of the OpenAPI document.
fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = vec![
        component::<Organization>(),
        component::<Finding>(),
        component::<FindingEvent>(),
        component::<SubmissionEvent>(),
        (attachment::COMPONENT, attachment::schema()),
        ("AuditEntry", audit_entry::schema()),
        (custody::COMPONENT, custody::schema()),
        ("EventType", webhook_event_type::schema()),
        component::<WebhookSubscription>(),
        component::<WebhookDelivery>(),
    ];
    all.extend(registers::schemas());
    all
}

/// The OpenAPI document as it is served, without whitespace.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

fn get_openapi<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        Ok(ApiResponse::json(StatusCode::OK, DOCUMENT.clone()))
    })
}

fn openapi_document() -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: Media { schema: json!({ "type": "object" }), example: json!({ "openapi": "3.1.0" }) },
        line: None,
        errors: &[400],
        codes: &[],
        response_headers: &[],
    }
}
