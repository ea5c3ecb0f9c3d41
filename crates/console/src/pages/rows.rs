//! The choice of the height of rows, beside a list.

use axum::http::header;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use super::{form_texts::FormTexts, people::session::next_page};
use crate::{response::redirect, viewer::rows_cookie};

/// Handles the form with the buttons.
pub(crate) fn choose<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        let next = next_page(texts.get("next").map(String::as_str));
        Ok(redirect(next).header(header::SET_COOKIE, rows_cookie(app, texts.get("rows").map(String::as_str))))
    })
}
