//! The response of the endpoints that record an event about a record: the event, with the record beside it.

use axum::http::StatusCode;
use http_api::{
    endpoints::{Document, Media},
    response::ApiResponse,
};
use kernel::Stored;
use serde_json::json;

use crate::view::{View, reference, with_location};

/// Returns the response with an event and the record that it is about. The events of that record are listed at
/// `location`.
pub(crate) fn event_response<E: View, R: View>(event: &Stored<E>, about: &Stored<R>, location: &str) -> ApiResponse {
    let body = json!({ E::SINGULAR: E::to_dto(event), R::SINGULAR: R::to_dto(about) });
    with_location(location, ApiResponse::json(StatusCode::CREATED, body.to_string().into()))
}

/// Returns the documentation of an endpoint with such a response.
pub(crate) fn event_document<E: View, R: View>(request: Media) -> Document {
    Document {
        query: Vec::new(),
        request: Some(request),
        status: 201,
        response: Media {
            schema: json!({
                "type": "object",
                "required": [E::SINGULAR, R::SINGULAR],
                "properties": { E::SINGULAR: reference::<E>(), R::SINGULAR: reference::<R>() },
            }),
            example: json!({ E::SINGULAR: E::to_dto(&E::example()), R::SINGULAR: R::to_dto(&R::example()) }),
        },
        line: None,
        errors: &[400, 404, 409, 412, 413, 415, 422],
        codes: &[],
        response_headers: &["Location", "Idempotent-Replayed"],
    }
}
