//! The declaration of an endpoint with a page.

use axum::http::Method;
use futures_util::future::BoxFuture;
use http_api::{
    endpoints::{Document, Media, Operation},
    pipeline::App,
    request::{Access, ApiRequest, Charge, MediaType},
    response::{ApiResponse, Problem},
};

/// Returns the declaration of an endpoint with a page, which has no handler yet.
pub(crate) fn page_operation(method: Method, path: &'static str, access: Access, action: &'static str) -> Operation {
    Operation {
        document: if method == Method::GET { document_of_page } else { document_of_form },
        method,
        path,
        id: action,
        tag: "Web app",
        summary: "",
        description: "",
        access,
        charge: Charge::Read,
        media_types: &[MediaType::Html],
        action,
        handler: missing,
    }
}

fn missing<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Err(Problem::internal()) })
}

fn document_of_page() -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: Media::none(),
        line: None,
        errors: &[],
        codes: &[],
        response_headers: &[],
    }
}

fn document_of_form() -> Document {
    Document { request: Some(Media::none()), status: 303, ..document_of_page() }
}
