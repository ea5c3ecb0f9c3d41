//! `GET /webhooks/event-types`: the event types that can be subscribed to.

mod payload;

use std::sync::LazyLock;

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    request::{ApiRequest, Query},
    response::{ApiResponse, Problem},
};
use serde_json::{Value, json};
use webhooks::EventType;

pub(crate) use payload::webhooks_section;

use payload::event_data;

/// The response body. It is the same for every caller, so it is serialized once.
static BODY: LazyLock<Bytes> = LazyLock::new(|| {
    let all: Vec<Value> = EventType::ALL.iter().copied().map(to_dto).collect();
    json!({ "eventTypes": all, "pagination": {} }).to_string().into()
});

fn to_dto(event: EventType) -> Value {
    json!({
        "name": event.name(),
        "description": event.description(),
        "readScope": event.scope().name(),
        "dataSchema": event_data(event).schema,
    })
}

pub(crate) fn list<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        Ok(ApiResponse::json(StatusCode::OK, BODY.clone()))
    })
}

pub(crate) fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "required": ["name", "description", "readScope", "dataSchema"],
        "properties": {
            "name": text("The name in subscriptions and payloads, such as `finding.created`."),
            "description": text("The condition under which the event is sent."),
            "readScope": text("The scope that an account needs to receive the event."),
            "dataSchema": { "type": "object", "description": "The JSON Schema of `data` in the payload." },
        },
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: Media {
            schema: json!({
                "type": "object",
                "required": ["eventTypes", "pagination"],
                "properties": {
                    "eventTypes": { "type": "array", "items": { "$ref": "#/components/schemas/EventType" } },
                    "pagination": { "$ref": "#/components/schemas/Pagination" },
                },
            }),
            example: json!({ "eventTypes": [to_dto(EventType::FindingCreated)], "pagination": {} }),
        },
        line: None,
        errors: &[400],
        codes: &[],
        response_headers: &[],
    }
}
