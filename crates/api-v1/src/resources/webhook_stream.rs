//! `GET /webhooks/stream`: the events of the organization as they happen, for developers of receivers.

mod frame;
mod tail;
mod writer;

use axum::http::HeaderName;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    request::{ApiRequest, FieldReader, Query, enum_reader},
    response::{ApiResponse, Issue, Problem},
};
use serde_json::json;
use webhooks::{EventType, WebhookSecret};

use crate::webhook_services::WebhookServices;
use writer::event_stream_response;

const SECRET: HeaderName = HeaderName::from_static("webhook-secret");

/// Reads the requested event types. An empty set means all.
fn requested_event_types(query: &mut Query<'_>) -> std::collections::BTreeSet<EventType> {
    let event = enum_reader(EventType::ALL, EventType::name);
    let description = "Only events of these types. Without this parameter, all events that the caller may read.";
    query.choices("eventTypes", description, || event.schema(), |text| event.parse(text))
}

pub(crate) fn get<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let mut wanted = requested_event_types(&mut query);
        query.finish()?;
        let principal = request.principal()?;
        let caller = principal.caller()?;
        if let Some(event) = wanted.iter().find(|event| caller.require_scope(event.scope()).is_err()) {
            return Err(Problem::forbidden(event.scope()));
        }
        if wanted.is_empty() {
            wanted.extend(EventType::ALL);
        }
        let secret = match previous_secret(request)? {
            Some(secret) => secret,
            None => WebhookSecret::generate(&*app.services.entropy),
        };
        let permit = WebhookServices::of(request)?.event_stream_limits.acquire(principal)?;
        event_stream_response(app, request, permit, wanted, secret)
    })
}

/// Returns the secret of an earlier stream that the request repeats, so that the receiver can keep using it.
fn previous_secret(request: &ApiRequest) -> Result<Option<WebhookSecret>, Problem> {
    let Some(value) = request.parts.headers.get(SECRET) else { return Ok(None) };
    let encoded = value.to_str().ok().and_then(|text| text.strip_prefix("whsec_"));
    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    let secret = bytes.and_then(|bytes| WebhookSecret::from_bytes(&bytes));
    let message = "must be a secret from the first event of an earlier stream";
    secret.map(Some).ok_or_else(|| Problem::validation(vec![Issue::new(["header", "Webhook-Secret"], message)]))
}

pub(crate) fn document() -> Document {
    Document {
        query: Query::describe(requested_event_types),
        request: None,
        status: 200,
        response: Media {
            schema: json!({
                "type": "string",
                "description": "Server-sent events. The first one, `secret`, contains the secret that the others are signed with. \
                                Each other one has the identifier of an event in `id`, its type in `event`, and in `data` the \
                                `headers` and the `body` that a delivery would have. The body is a string with exactly the \
                                bytes that were signed.",
            }),
            example: json!(
                "event: secret\ndata: {\"secret\":\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD…\"}\n\n\
                 id: evt_01KSFQX5Y800000000000000008\nevent: finding.created\ndata: {\"headers\":{\"webhook-id\":\"evt_01KSFQX5Y800000000000000008\",\
                 \"webhook-timestamp\":\"1779718113\",\"webhook-signature\":\"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"},\"body\":\"{…}\"}\n\n"
            ),
        },
        line: None,
        errors: &[400],
        codes: &[],
        response_headers: &[],
    }
}
