//! A surface for people that is made for the tests: its handlers say that they were called, or fail.

use std::sync::{Arc, LazyLock};

use auth::Permission;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use novantra_http::{
    Surface,
    endpoints::{Document, Media, Operation},
    pipeline::{App, FailedRequest, Handler},
    request::{Access, ApiRequest, Charge, MediaType},
    response::{ApiResponse, Problem},
};

use super::Answer;

/// The endpoints: each with the path, and who may use it.
static DESK: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let get = |path, access, handler| operation(Method::GET, path, access, handler);
    vec![
        get("/desk", Access::SignedIn, handled),
        get("/desk/audit", Access::Permission(Permission::ReadAuditLog), handled),
        get("/desk/open", Access::Public, handled),
        get("/desk/panic", Access::Public, panicking),
        get("/desk/failing", Access::Public, failing),
        get("/desk/busy", Access::Public, busy),
        operation(Method::POST, "/desk/own", Access::SignedIn, handled),
        operation(Method::POST, "/desk/open-form", Access::Public, handled),
    ]
});

/// The surface.
pub(super) fn desk() -> Surface {
    Surface::for_people(&DESK, Arc::new(()), "/desk", render)
}

/// Whether a handler of the desk answered.
pub(crate) fn is_handled(answer: &Answer) -> bool {
    answer.text().starts_with("the desk has")
}

fn render(problem: Problem, request: &FailedRequest<'_>) -> ApiResponse {
    let text = format!("<h1>the desk refuses: {}</h1>{}", problem.code(), request.request_id);
    ApiResponse::document(problem.status, "text/html", Bytes::from(text))
}

fn operation(method: Method, path: &'static str, access: Access, handler: Handler) -> Operation {
    Operation {
        document: if method == Method::GET { page } else { form },
        method,
        path,
        id: path,
        tag: "Desk",
        summary: "",
        description: "",
        access,
        charge: Charge::Read,
        media_types: &[MediaType::Html],
        action: "desk.used",
        handler,
    }
}

fn page() -> Document {
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

fn form() -> Document {
    Document { request: Some(Media::none()), ..page() }
}

fn handled<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async {
        let person = request.principal().ok().and_then(|principal| principal.user().ok());
        let name = person.map_or("nobody", |person| person.caller.user.record.name.as_str());
        let text = format!("the desk has {} bytes of {name}", request.body.len());
        Ok(ApiResponse::document(StatusCode::OK, "text/html", Bytes::from(text)))
    })
}

fn panicking<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { panic!("a handler of the desk panics") })
}

fn failing<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Err(Problem::internal()) })
}

fn busy<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Err(Problem::unavailable()) })
}
