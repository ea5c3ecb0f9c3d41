//! Declarations of the endpoints, from which the router, the request pipeline, the audit log and the OpenAPI document
//! are built.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    pipeline::Handler,
    request::{Access, Charge, MediaType, Parameter},
};

/// The declaration of one endpoint.
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The full path, with `{name}` for each parameter. A parameter `{path}` at the end matches the rest of a path, with its
    /// slashes.
    pub path: &'static str,
    /// The `operationId` in the OpenAPI document.
    pub id: &'static str,
    /// The tag in the OpenAPI document, which groups the endpoints.
    pub tag: &'static str,
    /// The summary in the OpenAPI document.
    pub summary: &'static str,
    /// The description in the OpenAPI document.
    pub description: &'static str,
    /// The callers that may use it.
    pub access: Access,
    /// The bucket that a request is charged to.
    pub charge: Charge,
    /// The media types that it can respond with, the default one first.
    pub media_types: &'static [MediaType],
    /// The action of its audit entries.
    pub action: &'static str,
    /// The handler of its requests.
    pub handler: Handler,
    /// Returns the rest of its OpenAPI description.
    pub document: fn() -> Document,
}

/// The parts of an endpoint's OpenAPI description that its declaration does not hold.
pub struct Document {
    /// The parameters of the query, and the headers that only some endpoints have.
    pub query: Vec<Parameter>,
    /// The body of the request, if it has one.
    pub request: Option<Media>,
    /// The status of a successful response.
    pub status: u16,
    /// The body of a successful response.
    pub response: Media,
    /// A line of the response, if the endpoint can respond with newline-delimited JSON.
    pub line: Option<Media>,
    /// The statuses it can respond with, in addition to those that every endpoint has.
    pub errors: &'static [u16],
    /// The `error` codes of the statuses whose codes at this endpoint differ from the usual one.
    pub codes: &'static [(u16, &'static [&'static str])],
    /// The headers of a successful response, in addition to those that every response has.
    pub response_headers: &'static [&'static str],
}

/// The format of a schema that stands for bytes.
const BINARY: &str = "binary";

/// A body: its schema and an example.
pub struct Media {
    /// The JSON Schema.
    pub schema: Value,
    /// The example.
    pub example: Value,
}

impl Media {
    /// The media of bytes that are sent as they are, in any media type. As the body of a request, they are streamed to
    /// the handler.
    #[must_use]
    pub fn bytes(description: &str, example: &str) -> Self {
        Self {
            schema: json!({ "type": "string", "format": BINARY, "description": description }),
            example: json!(example),
        }
    }

    /// Whether these are bytes, rather than a JSON document.
    pub(crate) fn is_bytes(&self) -> bool {
        self.schema["format"] == BINARY
    }

    /// The media of a response without a body.
    #[must_use]
    pub fn none() -> Self {
        Self { schema: Value::Null, example: Value::Null }
    }
}
