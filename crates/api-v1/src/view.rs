//! The representation of records in the API, and the list and get handlers that all kinds of records share.

use axum::http::{HeaderName, StatusCode, header};
use futures_util::future::BoxFuture;
use kernel::{Id, Page, Reader, Resource, Stored, StreamRequest, Subject, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use store::DynStore;
use utoipa::PartialSchema;

use crate::{
    app::App,
    cursor::{self, Binding},
    negotiation::MediaType,
    operation::{Document, Media},
    paging,
    problem::Problem,
    query::Query,
    request::ApiRequest,
    response::{ApiResponse, write_json},
    streams,
};

/// A kind of record that the API exposes.
pub(crate) trait View: Resource {
    /// The JSON key of one record, such as `finding`.
    const SINGULAR: &'static str;
    /// The JSON key of a list of records, such as `findings`.
    const PLURAL: &'static str;
    /// The type that is serialized as the record's JSON.
    type Dto<'a>: Serialize + PartialSchema;
    /// The component name of the record's schema in the OpenAPI document.
    const COMPONENT: &'static str;

    /// Converts a stored record to its JSON representation.
    fn to_dto(stored: &Stored<Self>) -> Self::Dto<'_>;

    /// Reads the filter parameters that are specific to this kind of record.
    fn filter(query: &mut Query<'_>) -> Self::Filter;

    /// Returns the example record of the OpenAPI document.
    fn example() -> Stored<Self>;
}

/// The response header with the time up to which a list is complete.
pub(crate) const AS_OF: HeaderName = HeaderName::from_static("x-as-of");

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
    let list_request = ListRequest::parse(app, request, query)?;
    if request.media_type == MediaType::NdJson {
        let permit = streams::acquire_permit(app, request)?;
        let snapshot =
            Reader::<R>::stream(&*app.services.store, list_request.organization, filter, &list_request.as_stream())
                .await?;
        return streams::stream_response(app, request, permit, snapshot, |stored, line| {
            write_json(line, &R::to_dto(stored))
        });
    }
    let page = Reader::<R>::list(&*app.services.store, list_request.organization, filter, &list_request.page).await?;
    Ok(list_request.to_response(app, R::PLURAL, &page, |stored, body| write_json(body, &R::to_dto(stored))))
}

/// A parsed list request, with the binding of its cursors.
pub(crate) struct ListRequest {
    pub(crate) organization: kernel::OrganizationId,
    pub(crate) page: kernel::PageRequest,
    binding: Binding,
}

impl ListRequest {
    /// Reads the parameters that every list accepts. The parameters that are specific to the list must be read before.
    pub(crate) fn parse(app: &App, request: &ApiRequest, query: &mut Query<'_>) -> Result<Self, Problem> {
        let parameters = paging::read(query);
        if request.media_type == MediaType::NdJson {
            parameters.reject_page_parameters(query);
        }
        query.finish()?;
        let organization = request.principal()?.organization();
        let binding = Binding::new(organization, request.parts.uri.path(), &query.except(&["cursor", "limit"]));
        let mut page = parameters.page;
        if let Some(text) = parameters.cursor {
            let oldest = app.services.clock.now() - app.services.settings.cursor_lifetime;
            let position = cursor::decrypt(&*app.services.cursor_cipher, &binding, page.order, oldest, &text);
            page.after = Some(position.ok_or_else(Problem::invalid_cursor)?);
        }
        Ok(Self { organization, page, binding })
    }

    /// Returns the request for the whole collection as a stream.
    pub(crate) fn as_stream(&self) -> StreamRequest {
        StreamRequest { order: self.page.order, time_range: self.page.time_range }
    }

    /// Returns the response with a page.
    pub(crate) fn to_response<T>(
        &self,
        app: &App,
        plural: &str,
        page: &Page<T>,
        write: impl Fn(&T, &mut Vec<u8>),
    ) -> ApiResponse {
        let mut body = Vec::with_capacity(page.items.len() * 900 + 128);
        body.extend_from_slice(b"{\"");
        body.extend_from_slice(plural.as_bytes());
        body.extend_from_slice(b"\":[");
        for (index, item) in page.items.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            write(item, &mut body);
        }
        body.extend_from_slice(b"],\"pagination\":{");
        if let Some(next) = page.next {
            body.extend_from_slice(b"\"nextCursor\":");
            let now = app.services.clock.now();
            write_json(&mut body, &cursor::encrypt(&*app.services.cursor_cipher, &self.binding, now, next));
        }
        body.extend_from_slice(b"}}");
        ApiResponse::json(StatusCode::OK, body.into()).header(AS_OF, page.as_of.to_string())
    }
}

/// Handles a get request.
pub(crate) fn get<'a, R: View>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        Ok(conditional_response(request, &find::<R>(app, request).await?))
    })
}

/// Returns the response with a record, or 304 if the client already has this revision.
pub(crate) fn conditional_response<R: View>(request: &ApiRequest, stored: &Stored<R>) -> ApiResponse {
    let response = if request.client_has(stored.meta.revision) {
        ApiResponse::empty(StatusCode::NOT_MODIFIED)
    } else {
        ApiResponse::record(StatusCode::OK, R::SINGULAR, &R::to_dto(stored))
    };
    response.with_etag(stored.meta.revision).with_subject(Subject::from_id(stored.meta.id))
}

/// Loads the record that the path names.
pub(crate) async fn find<R: View>(app: &App, request: &ApiRequest) -> Result<Stored<R>, Problem>
where
    DynStore: Reader<R>,
{
    let id: Id<R> = request.path_id()?;
    let organization = request.principal()?.organization();
    Reader::<R>::get(&*app.services.store, organization, id).await?.ok_or_else(Problem::not_found)
}

/// Returns the name and the JSON Schema of a record, for the components of the OpenAPI document.
pub(crate) fn component<R: View>() -> (&'static str, Value) {
    (R::COMPONENT, json!(<R::Dto<'static> as PartialSchema>::schema()))
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
            paging::read(query);
        }),
    )
}

/// Returns the documentation of a list endpoint with this schema, example and query.
pub(crate) fn list_document_of(
    plural: &str,
    schema: Value,
    example: Value,
    query: Vec<crate::query::Parameter>,
) -> Document {
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

/// A value that is serialized as its `Display` text.
pub(crate) struct AsText<T>(pub(crate) T);

impl<T: std::fmt::Display> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
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
