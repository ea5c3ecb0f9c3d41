//! The representation of records in the API, and the list and get handlers that all kinds of records share.

use axum::http::header;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers,
    request::{ApiRequest, DueDates, Parameter, Query, list_parameters},
    response::{ApiResponse, Problem, write_json},
};
use kernel::{Id, Reader, Resource, Stored, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use store::DynStore;

/// A kind of record that the API exposes.
pub(crate) trait View: Resource {
    /// The JSON key of one record, such as `finding`.
    const SINGULAR: &'static str;
    /// The JSON key of a list of records, such as `findings`.
    const PLURAL: &'static str;
    /// The type that is serialized as the record's JSON.
    type Dto<'a>: Serialize;
    /// The component name of the record's schema in the OpenAPI document.
    const COMPONENT: &'static str;

    /// Converts a stored record to its JSON representation.
    fn to_dto(stored: &Stored<Self>) -> Self::Dto<'_>;

    /// Writes the record's JSON.
    fn write(stored: &Stored<Self>, out: &mut Vec<u8>) {
        write_json(out, &Self::to_dto(stored));
    }

    /// Returns the JSON Schema of the record.
    fn schema() -> Value;

    /// Reads the filter parameters that are specific to this kind of record.
    fn filter(query: &mut Query<'_>) -> Self::Filter;

    /// Returns the example record of the OpenAPI document.
    fn example() -> Stored<Self>;
}

/// A stored record that can be represented as in the API, for other outputs of the program.
pub trait Represent {
    /// The JSON key of one record, such as `finding`.
    const SINGULAR: &'static str;
    /// The JSON key of a list of records, such as `findings`.
    const PLURAL: &'static str;

    /// Returns the JSON of the record.
    fn to_json(&self) -> Value;
}

impl<R: View> Represent for Stored<R> {
    const SINGULAR: &'static str = R::SINGULAR;
    const PLURAL: &'static str = R::PLURAL;

    fn to_json(&self) -> Value {
        json!(R::to_dto(self))
    }
}

/// Handles a list request.
pub(crate) fn list<'a, R: View>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let filter = R::filter(&mut query);
        list_filtered(app, request, &mut query, &filter).await
    })
}

/// Handles a list request whose specific filters are already read.
pub(crate) async fn list_filtered<R: View>(
    app: &App,
    request: &ApiRequest,
    query: &mut Query<'_>,
    filter: &R::Filter,
) -> Result<ApiResponse, Problem>
where
    DynStore: Reader<R>,
{
    handlers::list(app, request, query, filter, R::PLURAL, R::write).await
}

/// Handles a get request.
pub(crate) fn get<'a, R: View>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        Ok(conditional_response(request, &handlers::find::<R>(app, request).await?))
    })
}

/// Returns the response with a record, or 304 if the client already has this revision.
pub(crate) fn conditional_response<R: View>(request: &ApiRequest, stored: &Stored<R>) -> ApiResponse {
    handlers::conditional_response(request, &stored.meta, R::SINGULAR, &R::to_dto(stored))
}

/// Returns the name and the JSON Schema of a record, for the components of the OpenAPI document.
pub(crate) fn component<R: View>() -> (&'static str, Value) {
    (R::COMPONENT, R::schema())
}

/// Returns a reference to the component of a record.
pub(crate) fn reference<R: View>() -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", R::COMPONENT) })
}

/// Returns the documentation of a list endpoint.
pub(crate) fn list_document<R: View>() -> Document {
    list_document_of(
        R::PLURAL,
        reference::<R>(),
        json!(R::to_dto(&R::example())),
        Query::describe(|query| {
            R::filter(query);
            list_parameters(query, DueDates::of::<R>());
        }),
    )
}

/// Returns the documentation of a list endpoint with this schema, example and query.
pub(crate) fn list_document_of(plural: &str, schema: Value, example: Value, query: Vec<Parameter>) -> Document {
    let end = json!({
        "type": "object",
        "description": "The last line. If it is missing, the response is incomplete.",
        "required": ["pagination"],
        "properties": { "pagination": { "type": "object", "additionalProperties": false } },
        "additionalProperties": false,
    });
    let line = Media {
        schema: json!({ "description": "One line: a record, or the end of the response.", "anyOf": [schema, end] }),
        example: example.clone(),
    };
    let schema = json!({
        "type": "object",
        "required": [plural, "pagination"],
        "properties": {
            plural: { "type": "array", "items": schema },
            "pagination": { "$ref": "#/components/schemas/Pagination" },
        },
    });
    let example = json!({ plural: [example], "pagination": { "nextCursor": "q83vEjRWeJCrze8SNFZ4kA…" } });
    Document {
        query,
        request: None,
        status: 200,
        response: Media { schema, example },
        line: Some(line),
        errors: &[400],
        codes: &[(400, &["validation", "invalid_cursor"])],
        response_headers: &["X-As-Of"],
    }
}

/// Returns the documentation of a get endpoint.
pub(crate) fn get_document<R: View>() -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: record_media::<R>(),
        line: None,
        errors: &[304, 400, 404],
        codes: &[],
        response_headers: &["ETag"],
    }
}

/// Returns the schema and the example of a response with one record.
pub(crate) fn record_media<R: View>() -> Media {
    Media {
        schema: json!({
            "type": "object",
            "required": [R::SINGULAR],
            "properties": { R::SINGULAR: reference::<R>() },
        }),
        example: json!({ R::SINGULAR: R::to_dto(&R::example()) }),
    }
}

/// Adds the `Location` of a new record.
pub(crate) fn with_location(location: &str, response: ApiResponse) -> ApiResponse {
    response.header(header::LOCATION, location)
}

/// The timestamp of all examples.
pub(crate) fn example_timestamp() -> Timestamp {
    Timestamp::from_millis(1_779_718_113_000)
}

/// Returns an identifier for examples. All of them have the timestamp of [`example_timestamp`].
pub(crate) fn example_id<R>(number: u128) -> Id<R> {
    let millis = u64::try_from(example_timestamp().millis()).unwrap_or_default();
    Id::new(ulid::Ulid::from_parts(millis, number))
}
