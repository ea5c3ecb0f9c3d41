//! Single records.

use axum::http::StatusCode;
use kernel::{Id, Meta, Reader, Resource, Stored, Subject};
use serde::Serialize;
use store::DynStore;

use crate::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

/// Loads the record that the first path parameter names.
///
/// # Errors
/// A 404 response if the organization has no such record.
pub async fn find<R: Resource>(app: &App, request: &ApiRequest) -> Result<Stored<R>, Problem>
where
    DynStore: Reader<R>,
{
    let id: Id<R> = request.path_id()?;
    let organization = request.principal()?.organization();
    Reader::<R>::get(&*app.services.store, organization, id).await?.ok_or_else(Problem::not_found)
}

/// Returns the response with a record in the member `name`, or 304 if the client already has this revision.
pub fn conditional_response<R: Resource>(
    request: &ApiRequest,
    meta: &Meta<R>,
    name: &str,
    record: &impl Serialize,
) -> ApiResponse {
    let response = if request.client_has(meta.revision) {
        ApiResponse::empty(StatusCode::NOT_MODIFIED)
    } else {
        ApiResponse::record(StatusCode::OK, name, record)
    };
    response.with_etag(meta.revision).with_subject(Subject::from_id(meta.id))
}
