//! The files with which others verify an export: the public key and the newest checkpoint.

use audit::{checkpoint_json, latest_checkpoint};
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use crate::{response::download, services::ConsoleServices};

/// Responds with the public key, as `novantra audit public-key` prints it.
pub(super) fn public_key<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pem = ConsoleServices::of(request)?.checkpoint_key_pem.clone();
        let response = ApiResponse::document(StatusCode::OK, "application/x-pem-file", Bytes::from(pem));
        Ok(download(response, "public-key.pem"))
    })
}

/// Responds with the newest checkpoint, as `novantra audit checkpoint` prints it.
pub(super) fn checkpoint<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let organization = request.principal()?.organization();
        let newest = latest_checkpoint(&*app.services.store, organization).await?.ok_or_else(Problem::not_found)?;
        let line = format!("{{\"checkpoint\":{}}}\n", checkpoint_json(&newest));
        Ok(download(ApiResponse::document(StatusCode::OK, "application/json", Bytes::from(line)), "checkpoint.json"))
    })
}
