//! The caller's organization.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    request::{ApiRequest, Query},
    response::{ApiResponse, Problem},
};
use kernel::{Organization, Reader, Stored, Subject};

use crate::view::View;

/// Handles the request for the caller's own organization, which no parameter names.
pub(crate) fn get_current<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let organization = request.principal()?.organization();
        let stored: Stored<Organization> =
            Reader::get(&*app.services.store, organization, organization).await?.ok_or_else(Problem::not_found)?;
        let response = if request.client_has(stored.meta.revision) {
            ApiResponse::empty(StatusCode::NOT_MODIFIED)
        } else {
            ApiResponse::record(StatusCode::OK, Organization::SINGULAR, &Organization::to_dto(&stored))
        };
        Ok(response.with_etag(stored.meta.revision).with_subject(Subject::from_id(stored.meta.id)))
    })
}
