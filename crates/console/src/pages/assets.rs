//! The stylesheet, the script and the icon.

use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use crate::{
    assets::{Asset, NamedAsset},
    response::{redirect, with_browser_rules},
};

/// The caching rule of an address that has the same content forever, whatever a browser sends along.
const CACHE: &str = "public, max-age=31536000, immutable";

/// Handles the request for an asset. That of another version of the program leads to the present one: while servers are
/// replaced, the page and what it loads may come from two of them.
pub(crate) fn asset<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async {
        match Asset::named(request.path_text()) {
            Some(NamedAsset::Current(Asset { media_type, content, .. })) => {
                let response =
                    ApiResponse::document(StatusCode::OK, media_type, Bytes::from_static(content.as_bytes()));
                Ok(with_browser_rules(response)
                    .header(header::CACHE_CONTROL, CACHE)
                    .header(header::VARY, "Accept-Encoding"))
            }
            Some(NamedAsset::OtherVersion(asset)) => Ok(redirect(&asset.path)),
            None => Err(Problem::not_found()),
        }
    })
}
