//! Lists: one page as JSON, or the whole collection as newline-delimited JSON (contract v1 § 6).

use axum::http::StatusCode;
use kernel::{MAX_PAGE_BYTES, OrganizationId, Page, PageRequest, Position, Reader, Resource, Stored, StreamRequest};
use store::DynStore;

use crate::{
    pipeline::App,
    request::{ApiRequest, Binding, DueDates, MediaType, Query, list_parameters, sign_cursor, verify_cursor},
    response::{AS_OF, ApiResponse, Problem, write_json},
    streams,
};

/// The initial capacity of a page for each record: the size of a usual finding.
const RECORD_CAPACITY: usize = 900;

/// Handles a list request whose specific parameters are already read. `plural` is the member with the records, which
/// `write` appends to the body.
///
/// # Errors
/// The error response.
pub async fn list<R: Resource>(
    app: &App,
    request: &ApiRequest,
    query: &mut Query<'_>,
    filter: &R::Filter,
    plural: &str,
    write: impl Fn(&Stored<R>, &mut Vec<u8>) + Send + 'static,
) -> Result<ApiResponse, Problem>
where
    DynStore: Reader<R>,
{
    let list_request = ListRequest::parse(app, request, query, DueDates::of::<R>())?;
    let (store, organization) = (&*app.services.store, list_request.organization);
    if request.media_type == MediaType::NdJson {
        let permit = streams::acquire_permit(app, request)?;
        let snapshot = Reader::<R>::stream(store, organization, filter, &list_request.as_stream()).await?;
        return streams::snapshot_response(app, request, permit, snapshot, write);
    }
    let page = Reader::<R>::list(store, organization, filter, &list_request.page).await?;
    let position = |stored: &Stored<R>| list_request.page.order.position(stored);
    Ok(list_request.to_response(app, plural, page, position, write))
}

/// A parsed list request, with the binding of its cursors.
pub struct ListRequest {
    /// The organization whose records are listed.
    pub organization: OrganizationId,
    /// The page, with its order and its range of time.
    pub page: PageRequest,
    binding: Binding,
}

impl ListRequest {
    /// Reads the parameters that every list accepts. The parameters that are specific to the list must be read before.
    ///
    /// # Errors
    /// A 400 response for invalid or unknown parameters, or an invalid cursor.
    pub fn parse(app: &App, request: &ApiRequest, query: &mut Query<'_>, due_dates: DueDates) -> Result<Self, Problem> {
        let parameters = list_parameters(query, due_dates);
        if request.media_type == MediaType::NdJson {
            parameters.reject_page_parameters(query);
        }
        query.finish()?;
        let organization = request.principal()?.organization();
        let binding = Binding::new(organization, request.parts.uri.path(), &query.meaning_except(&["cursor", "limit"]));
        let mut page = parameters.page;
        if let Some(text) = parameters.cursor {
            let oldest = app.services.clock.now() - app.services.settings.cursor_lifetime;
            let position = verify_cursor(&*app.services.cursor_signer, &binding, page.order, oldest, &text);
            page.after = Some(position.ok_or_else(Problem::invalid_cursor)?);
        }
        Ok(Self { organization, page, binding })
    }

    /// Returns the request for the whole collection as a stream.
    #[must_use]
    pub fn as_stream(&self) -> StreamRequest {
        StreamRequest { order: self.page.order, time_range: self.page.time_range }
    }

    /// Returns the cursor of the page after this position.
    #[must_use]
    pub fn cursor(&self, app: &App, position: Position) -> String {
        sign_cursor(&*app.services.cursor_signer, &self.binding, app.services.clock.now(), position)
    }

    /// Returns the response with a page, whose records are in the member `plural`. It ends before the record that would
    /// begin beyond [`MAX_PAGE_BYTES`], and continues after the `position` of its last record.
    pub fn to_response<T>(
        &self,
        app: &App,
        plural: &str,
        page: Page<T>,
        position: impl Fn(&T) -> Position,
        write: impl Fn(&T, &mut Vec<u8>),
    ) -> ApiResponse {
        let mut next = page.next;
        let mut body = Vec::with_capacity(page.items.len() * RECORD_CAPACITY + 128);
        body.extend_from_slice(b"{\"");
        body.extend_from_slice(plural.as_bytes());
        body.extend_from_slice(b"\":[");
        let mut last: Option<&T> = None;
        for item in &page.items {
            if last.is_some() {
                if body.len() >= MAX_PAGE_BYTES {
                    next = last.map(&position);
                    break;
                }
                body.push(b',');
            }
            write(item, &mut body);
            last = Some(item);
        }
        body.extend_from_slice(b"],\"pagination\":{");
        if let Some(next) = next {
            body.extend_from_slice(b"\"nextCursor\":");
            write_json(&mut body, &self.cursor(app, next));
        }
        body.extend_from_slice(b"}}");
        // The capacity is memory too, and a page may wait long for its client.
        if body.capacity() - body.len() > MAX_PAGE_BYTES / 8 {
            body.shrink_to_fit();
        }
        ApiResponse::json(StatusCode::OK, body.into()).header(AS_OF, page.as_of.to_string())
    }
}
