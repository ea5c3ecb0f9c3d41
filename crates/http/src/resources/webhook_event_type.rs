//! `GET /webhooks/event-types`: what there is to subscribe to.

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

/// The same for everybody, so it is written once.
static LISTED: LazyLock<Bytes> = LazyLock::new(|| {
    let all: Vec<Value> = EventType::ALL.iter().copied().map(shape).collect();
    json!({ "eventTypes": all, "pagination": {} }).to_string().into()
});

fn shape(event: EventType) -> Value {
    json!({
        "name": event.name(),
        "description": event.says(),
        "readScope": event.scope().name(),
        "dataSchema": data_of(event).schema,
    })
}

pub(crate) fn list<'a>(_: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        Query::parse(call.query()).finish()?;
        Ok(Reply::json(StatusCode::OK, LISTED.clone()))
    })
}

pub(crate) fn schema() -> Value {
    let text = |says: &str| json!({ "type": "string", "description": says });
    json!({
        "type": "object",
        "required": ["name", "description", "readScope", "dataSchema"],
        "properties": {
            "name": text("As subscriptions and bodies have it: `finding.created`."),
            "description": text("When it fires."),
            "readScope": text("The scope that an account must hold to be told of it."),
            "dataSchema": { "type": "object", "description": "A JSON Schema of the `data` of its bodies." },
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
