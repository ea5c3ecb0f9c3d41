//! The stylesheet and the script.

use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use crate::assets::{ICON, SCRIPT, STYLESHEET};

/// The addresses of the assets contain a digest of them, so browsers may keep them for ever.
const CACHE: &str = "public, max-age=31536000, immutable";

/// Handles the request for the stylesheet.
pub(crate) fn stylesheet<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Ok(asset("text/css; charset=utf-8", STYLESHEET)) })
}

/// Handles the request for the script.
pub(crate) fn script<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Ok(asset("text/javascript; charset=utf-8", SCRIPT)) })
}

/// Handles the request for the icon.
pub(crate) fn icon<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Ok(asset("image/svg+xml", ICON)) })
}

fn asset(media_type: &'static str, text: &'static str) -> ApiResponse {
    ApiResponse::document(StatusCode::OK, media_type, Bytes::from_static(text.as_bytes()))
        .header(header::CACHE_CONTROL, CACHE)
}
