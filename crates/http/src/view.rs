//! How records look in the API, and the list and get that every kind has.

use axum::http::{HeaderName, StatusCode, header};
use futures_util::future::BoxFuture;
use kernel::{Id, Page, Reader, Resource, Stored, StreamRequest, Subject, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use store::DynStore;
use utoipa::PartialSchema;

use crate::{
    accept::Format,
    app::App,
    call::Call,
    cursor::{self, Binding},
    operation::{Document, Media},
    paging,
    problem::Problem,
    query::Query,
    reply::{Reply, write_json},
    streams,
};

/// How one kind of record looks in the API.
pub(crate) trait View: Resource {
    /// The key of one: `finding`.
    const SINGULAR: &'static str;
    /// The key of several: `findings`.
    const PLURAL: &'static str;
    /// The record as it is written out.
    type Shape<'a>: Serialize + PartialSchema;
    /// What the shape is called in the API's document.
    const COMPONENT: &'static str;

    fn shape(stored: &Stored<Self>) -> Self::Shape<'_>;

    /// Reads the kind's own filters.
    fn filter(query: &mut Query<'_>) -> Self::Filter;

    /// A record to show in the API's document.
    fn example() -> Stored<Self>;
}

pub(crate) const AS_OF: HeaderName = HeaderName::from_static("x-as-of");

/// Answers a list.
pub(crate) fn list<'a, R: View>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let mut query = Query::parse(call.query());
        let filter = R::filter(&mut query);
        list_filtered(app, call, &mut query, &filter).await
    })
}

/// Answers a list whose own filters are known.
pub(crate) async fn list_filtered<R: View>(
    app: &App,
    call: &Call,
    query: &mut Query<'_>,
    filter: &R::Filter,
) -> Result<Reply, Problem>
where
    DynStore: Reader<R>,
{
    let walk = Walk::start(app, call, query)?;
    if call.format == Format::Lines {
        let place = streams::take_place(app, call)?;
        let streamed = Reader::<R>::stream(&*app.services.store, walk.organization, filter, &walk.whole()).await?;
        return streams::reply(app, call, place, streamed, |stored, line| write_json(line, &R::shape(stored)));
    }
    let page = Reader::<R>::list(&*app.services.store, walk.organization, filter, &walk.page).await?;
    Ok(walk.reply(app, R::PLURAL, &page, |stored, body| write_json(body, &R::shape(stored))))
}

/// A page being asked for, with what its cursors are bound to.
pub(crate) struct Walk {
    pub(crate) organization: kernel::OrganizationId,
    pub(crate) page: kernel::PageRequest,
    binding: Binding,
}

impl Walk {
    /// Reads what every list takes. The list's own parameters must have been read before.
    pub(crate) fn start(app: &App, call: &Call, query: &mut Query<'_>) -> Result<Self, Problem> {
        let asked = paging::read(query);
        if call.format == Format::Lines {
            asked.refuse_pages(query);
        }
        query.finish()?;
        let organization = call.known()?.organization();
        let binding = Binding::new(organization, call.parts.uri.path(), &query.given_but(&["cursor", "limit"]));
        let mut page = asked.page;
        if let Some(text) = asked.cursor {
            let oldest = app.services.clock.now() - app.services.settings.cursor_lifetime;
            let position = cursor::open(&*app.services.cursors, &binding, page.order, oldest, &text);
            page.after = Some(position.ok_or_else(Problem::invalid_cursor)?);
        }
        Ok(Self { organization, page, binding })
    }

    /// All that the pages would hold.
    pub(crate) fn whole(&self) -> StreamRequest {
        StreamRequest { order: self.page.order, window: self.page.window }
    }

    /// The page as it is answered.
    pub(crate) fn reply<T>(&self, app: &App, plural: &str, page: &Page<T>, write: impl Fn(&T, &mut Vec<u8>)) -> Reply {
        let mut body = Vec::with_capacity(page.items.len() * 900 + 128);
        body.extend_from_slice(b"{\"");
        body.extend_from_slice(plural.as_bytes());
        body.extend_from_slice(b"\":[");
        for (place, item) in page.items.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            write(item, &mut body);
        }
        body.extend_from_slice(b"],\"pagination\":{");
        if let Some(next) = page.next {
            body.extend_from_slice(b"\"nextCursor\":");
            let now = app.services.clock.now();
            write_json(&mut body, &cursor::seal(&*app.services.cursors, &self.binding, now, next));
        }
        body.extend_from_slice(b"}}");
        Reply::json(StatusCode::OK, body.into()).header(AS_OF, page.as_of.to_string())
    }
}

/// Answers a get.
pub(crate) fn get<'a, R: View>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        Query::parse(call.query()).finish()?;
        Ok(shown(call, &find::<R>(app, call).await?))
    })
}

/// A record that was found, or that it is still what the caller has.
pub(crate) fn shown<R: View>(call: &Call, stored: &Stored<R>) -> Reply {
    let reply = if call.has(stored.meta.revision) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::record(StatusCode::OK, R::SINGULAR, &R::shape(stored))
    };
    reply.revision(stored.meta.revision).about(Subject::of(stored.meta.id))
}

/// The record that the path names.
pub(crate) async fn find<R: View>(app: &App, call: &Call) -> Result<Stored<R>, Problem>
where
    DynStore: Reader<R>,
{
    let id: Id<R> = call.path_id()?;
    let organization = call.known()?.organization();
    Reader::<R>::get(&*app.services.store, organization, id).await?.ok_or_else(Problem::not_found)
}

/// The shape's JSON Schema, for the document's components.
pub(crate) fn component<R: View>() -> (&'static str, Value) {
    (R::COMPONENT, json!(<R::Shape<'static> as PartialSchema>::schema()))
}

pub(crate) fn reference<R: View>() -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", R::COMPONENT) })
}

/// What the API's document says of a list.
pub(crate) fn list_document<R: View>() -> Document {
    list_document_of(
        R::PLURAL,
        reference::<R>(),
        json!(R::shape(&R::example())),
        Query::describe(|query| {
            R::filter(query);
            paging::read(query);
        }),
    )
}

pub(crate) fn list_document_of(
    plural: &str,
    schema: Value,
    example: Value,
    query: Vec<crate::query::Parameter>,
) -> Document {
    let end = json!({
        "type": "object",
        "description": "The last line. Where it is missing, the answer is not whole.",
        "required": ["pagination"],
        "properties": { "pagination": { "type": "object", "additionalProperties": false } },
        "additionalProperties": false,
    });
    let line = Media {
        schema: json!({ "description": "A line: one record, or the end.", "anyOf": [schema, end] }),
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

/// What the API's document says of a get.
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

pub(crate) fn record_media<R: View>() -> Media {
    Media {
        schema: json!({
            "type": "object",
            "required": [R::SINGULAR],
            "properties": { R::SINGULAR: reference::<R>() },
        }),
        example: json!({ R::SINGULAR: R::shape(&R::example()) }),
    }
}

pub(crate) fn created(location: &str, reply: Reply) -> Reply {
    reply.header(header::LOCATION, location)
}

/// A value that is written out as its text.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The moment that examples are set in.
pub(crate) fn example_moment() -> Timestamp {
    Timestamp::from_millis(1_779_718_113_000)
}

/// An identifier for examples; they all were made at the same moment.
pub(crate) fn example_id<R>(number: u128) -> Id<R> {
    let moment = u64::try_from(example_moment().millis()).unwrap_or_default();
    Id::new(ulid::Ulid::from_parts(moment, number))
}
