//! Declarations of the endpoints, from which the router, the request pipeline, the audit log and the OpenAPI document
//! are built.

use axum::http::Method;
use futures_util::future::BoxFuture;
use scopes::Scope;
use serde_json::Value;

use crate::{
    app::App, negotiation::MediaType, problem::Problem, query::Parameter, request::ApiRequest, response::ApiResponse,
};

/// The handler of an endpoint.
pub(crate) type Handler = for<'a> fn(&'a App, &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>>;

/// The declaration of one endpoint.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The full path, with `{name}` for each parameter.
    pub(crate) path: &'static str,
    /// The `operationId` in the OpenAPI document.
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) access: Access,
    pub(crate) charge: Charge,
    /// The media types that it can respond with, the default one first.
    pub(crate) media_types: &'static [MediaType],
    /// The action of its audit entries.
    pub(crate) action: &'static str,
    pub(crate) handler: Handler,
    pub(crate) document: fn() -> Document,
}

/// The callers that may use an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A service account with this scope.
    Scope(Scope),
    /// Anyone: the endpoint does its own authentication, or needs none.
    Public,
    /// The placeholder for requests that match no route.
    Unmatched,
}

/// The rate limit bucket of the account that a request is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    Read,
    Write,
}

/// The parts of an endpoint's OpenAPI description that its declaration does not hold.
pub(crate) struct Document {
    pub(crate) query: Vec<Parameter>,
    pub(crate) request: Option<Media>,
    pub(crate) status: u16,
    pub(crate) response: Media,
    /// A line of the response, if the endpoint can respond with newline-delimited JSON.
    pub(crate) line: Option<Media>,
    /// The statuses it can respond with, in addition to those that every endpoint has.
    pub(crate) errors: &'static [u16],
    /// The `error` codes of the statuses whose codes at this endpoint differ from the usual one.
    pub(crate) codes: &'static [(u16, &'static [&'static str])],
    pub(crate) response_headers: &'static [&'static str],
}

/// A body: its schema and an example.
pub(crate) struct Media {
    pub(crate) schema: Value,
    pub(crate) example: Value,
}

impl Media {
    /// The media of a response without a body.
    pub(crate) fn none() -> Self {
        Self { schema: Value::Null, example: Value::Null }
    }
}
