//! The endpoints of the web app.

use std::sync::{Arc, OnceLock};

use auth::Permission;
use axum::http::Method;
use futures_util::future::BoxFuture;
use http_api::{
    Surface,
    endpoints::{Document, Media, Operation},
    pipeline::App,
    request::{Access, ApiRequest, Charge, MediaType},
    response::{ApiResponse, Problem},
};

use crate::{
    assets::{SCRIPT_PATH, STYLESHEET_PATH},
    pages,
    response::error_response,
    services::ConsoleServices,
};

/// Returns the web app as a surface of the server.
#[must_use]
pub fn surface(services: ConsoleServices) -> Surface {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    Surface::for_people(OPERATIONS.get_or_init(operations), Arc::new(services), "/app", error_response)
}

fn operations() -> Vec<Operation> {
    let asset = |path, handler| Operation {
        handler,
        media_types: &[MediaType::Any],
        ..page_operation(Method::GET, path, Access::Public, "asset.read")
    };
    let mut operations = vec![asset(STYLESHEET_PATH, pages::stylesheet), asset(SCRIPT_PATH, pages::script)];
    operations.push(Operation {
        handler: pages::overview,
        ..page_operation(Method::GET, "/app", Access::Permission(Permission::ReadRecords), "overview.read")
    });
    operations.extend(pages::people::operations());
    operations.extend(pages::developers::operations());
    operations.extend(pages::webhooks::operations());
    operations.extend(pages::audit::operations());
    operations.extend(pages::register_pages::operations());
    operations
}

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
