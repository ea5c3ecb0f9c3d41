//! Endpoints as declarations: the router, the door, the audit log and the API's document are all made of them.

use axum::http::Method;
use futures_util::future::BoxFuture;
use scopes::Scope;
use serde_json::Value;

use crate::{accept::Format, app::App, call::Call, problem::Problem, query::Parameter, reply::Reply};

/// What answers a call.
pub(crate) type Handler = for<'a> fn(&'a App, &'a Call) -> BoxFuture<'a, Result<Reply, Problem>>;

/// One endpoint.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The whole path, with `{names}` for its parameters.
    pub(crate) path: &'static str,
    /// `operationId`.
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) says: &'static str,
    pub(crate) access: Access,
    pub(crate) charge: Charge,
    /// The forms it can answer in, the usual one first.
    pub(crate) formats: &'static [Format],
    /// What the audit log calls it.
    pub(crate) action: &'static str,
    pub(crate) handler: Handler,
    pub(crate) document: fn() -> Document,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A service account with this scope.
    Scope(Scope),
    /// Anybody: the endpoint looks after itself.
    Open,
    /// Nobody: what is not there.
    Nowhere,
}

/// Which of the account's buckets a call is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    Read,
    Write,
}

/// What the API's document says of an endpoint beyond what its declaration holds.
pub(crate) struct Document {
    pub(crate) query: Vec<Parameter>,
    pub(crate) request: Option<Media>,
    pub(crate) status: u16,
    pub(crate) response: Media,
    /// A line of the answer, where it can be one of lines.
    pub(crate) line: Option<Media>,
    /// Statuses it can answer with beside those every endpoint can.
    pub(crate) errors: &'static [u16],
    /// Each `error` of those statuses that have more or others here than everywhere.
    pub(crate) codes: &'static [(u16, &'static [&'static str])],
    pub(crate) response_headers: &'static [&'static str],
}

/// A body: its schema and an example.
pub(crate) struct Media {
    pub(crate) schema: Value,
    pub(crate) example: Value,
}

impl Media {
    /// Of an answer without a body.
    pub(crate) fn none() -> Self {
        Self { schema: Value::Null, example: Value::Null }
    }
}
