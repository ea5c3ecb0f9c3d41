//! `GET /webhooks/event-types`: the event types that can be subscribed to.

use std::sync::LazyLock;

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use webhooks::EventType;

use crate::{
    app::App,
    call::Call,
    notices::data_of,
    operation::{Document, Media},
    problem::Problem,
    query::Query,
    reply::Reply,
};

/// The response body. It is the same for every caller, so it is serialized once.
static LISTED: LazyLock<Bytes> = LazyLock::new(|| {
    let all: Vec<Value> = EventType::ALL.iter().copied().map(shape).collect();
    json!({ "eventTypes": all, "pagination": {} }).to_string().into()
});

fn shape(event: EventType) -> Value {
    json!({
        "name": event.name(),
        "description": event.description(),
        "readScope": event.scope().name(),
        "dataSchema": data_of(event).schema,
    })
}

pub(crate) fn list<'a>(_: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        Ok(Reply::json(StatusCode::OK, LISTED.clone()))
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
            example: json!({ "eventTypes": [shape(EventType::FindingCreated)], "pagination": {} }),
        },
        line: None,
        errors: &[400],
        codes: &[],
        response_headers: &[],
    }
}
