//! The request pipeline that every request passes through: authentication, authorization, rate limits, and the audit
//! entry.

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::FutureExt;
use kernel::{Action, Id, RequestId};

use crate::{
    accept::{Format, preferred},
    accounts::Cached,
    app::App,
    authenticate::{TurnedAway, authenticate},
    call::{Call, Known, origin, printable},
    head,
    operation::{Access, Operation},
    problem::{Issue, Problem},
    reply::Reply,
    throttle::{self, Throttled},
    trail::Note,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-on-behalf-of");

/// The state of a request in the pipeline, for the audit entry and the rate limit headers.
#[derive(Default)]
struct Passage {
    /// The account that the audit entry is recorded for, which is also set if authentication failed.
    who: Option<Arc<Cached>>,
    known: Option<Known>,
    throttled: Option<Throttled>,
}

/// The result of matching a request against the routes.
pub(crate) enum Arrival {
    /// A route matched; these are the values of its path parameters.
    At(Vec<String>),
    /// No route matched the path or the method. The request is still authenticated and recorded.
    Astray(Problem),
}

/// Handles a request for `operation` and returns its response.
pub(crate) async fn enter(app: &App, operation: &'static Operation, route: Arrival, request: Request) -> Response {
    // The duration of a request is not domain time: the wall clock is too coarse for it and may step.
    let began = Instant::now();
    let request_id = Id::new(app.services.entropy.ulid(app.services.clock.now()));
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
    let address = peer.map(|peer| app.services.settings.trusted_proxies.source(peer, &parts.headers));
    let mut state = Passage::default();
    let mut origin = origin(operation, &parts, request_id, address);
    if matches!(route, Arrival::Astray(_)) {
        origin.route = Some(printable(parts.uri.path().as_bytes(), 200).into());
    }
    let method = parts.method.clone();
    let request = Call {
        operation,
        format: Format::Json,
        request_id,
        parts,
        path: Vec::new(),
        body: Bytes::new(),
        address,
        known: None,
    };
    let result = contained(request_id, pass(app, request, route, body, &mut state)).await;

    let refused = result.is_err();
    let rate_limited = state.throttled.as_ref().is_some_and(Throttled::refuses)
        || (matches!(operation.access, Access::Scope(_))
            && result.as_ref().is_err_and(|problem| problem.status == StatusCode::TOO_MANY_REQUESTS));
    let name = request_id.to_string();
    let mut response = result.unwrap_or_else(|problem| problem.into_reply(&name));
    if !response.on_record {
        let note = Note {
            action: action(operation, refused, response.replayed),
            subject: response.subject.take(),
            origin,
            status: response.status.as_u16(),
            changes: Vec::new(),
        };
        let record = async {
            match &state.known {
                Some(principal) if rate_limited => {
                    app.trail.record_limited(&app.services, &principal.cached, note).await
                }
                _ => app.trail.record(&app.services, state.who.map(|cached| cached.who()), note).await,
            }
            .map_err(Problem::from)
        };
        if let Err(problem) = contained(request_id, record).await {
            // A response that can't be recorded is not sent; the server's log has its status.
            tracing::warn!(request_id = %name, status = response.status.as_u16(), route = operation.path, "a request could not be recorded in the audit log, so its response was replaced by an error");
            response = problem.into_reply(&name);
        }
    }
    if response.status.is_server_error() {
        tracing::warn!(request_id = %name, method = %method, route = operation.path, status = response.status.as_u16(), "a request failed with a server error");
    }
    app.services.observer.answered(method.as_str(), operation.path, response.status.as_u16(), began.elapsed());
    finish(response, name, state.throttled)
}

fn action(operation: &Operation, refused: bool, replayed: bool) -> Action {
    match (refused, replayed) {
        (false, false) => Action::new(operation.action),
        (true, _) => Action(format!("{}.refused", operation.action).into()),
        (false, true) => Action(format!("{}.replayed", operation.action).into()),
    }
}

/// Runs the checks of the pipeline in order, and then the handler of the operation.
async fn pass(app: &App, mut request: Call, route: Arrival, body: Body, state: &mut Passage) -> Result<Reply, Problem> {
    match request.operation.access {
        Access::Scope(scope) => {
            identify(app, &request, state).await?;
            let principal = state.known.as_ref().ok_or_else(Problem::internal)?;
            principal.caller.require_scope(scope).map_err(|_| Problem::forbidden(scope))?;
        }
        Access::Open | Access::Nowhere => {
            // A token is only used for the audit log and the rate limit here; an invalid one is ignored.
            if request.parts.headers.contains_key(header::AUTHORIZATION)
                && let Err(problem) = identify(app, &request, state).await
                && (state.known.is_some() || problem.status.is_server_error())
            {
                return Err(problem);
            }
        }
    }
    head::check(&request.parts)?;
    request.path = match route {
        Arrival::At(path) => path,
        Arrival::Astray(problem) => return Err(problem),
    };
    if request.parts.headers.contains_key(ON_BEHALF_OF) {
        return Err(Problem::validation(vec![Issue::new(["header", "X-On-Behalf-Of"], "is not supported")]));
    }
    let offered = request.operation.formats;
    request.format = preferred(&request.parts.headers, offered).ok_or_else(|| Problem::not_acceptable(offered))?;
    // The permit is held until the request is done, because the decoded body is larger than its bytes.
    let (body, _permit) = app.intake.take(body, state.known.is_some()).await?;
    request.body = body;
    request.known = state.known.clone();
    (request.operation.handler)(app, &request).await
}

/// Turns a panic into a 500 response, so that it does not break the connection. Not an `async fn`, because its future
/// would hold `work` twice, and every request moves it.
fn contained<T>(
    request_id: Id<RequestId>,
    work: impl Future<Output = Result<T, Problem>>,
) -> impl Future<Output = Result<T, Problem>> {
    AssertUnwindSafe(work).catch_unwind().map(move |done| {
        done.unwrap_or_else(|_| {
            tracing::error!(%request_id, "the handler of a request panicked");
            Err(Problem::internal())
        })
    })
}

/// Authenticates the caller and charges the request to its rate limit.
async fn identify(app: &App, request: &Call, state: &mut Passage) -> Result<(), Problem> {
    let principal = authenticate(app, &request.parts.headers).await.map_err(|TurnedAway { problem, who }| {
        state.who = who;
        problem
    })?;
    state.who = Some(Arc::clone(&principal.cached));
    let principal = state.known.insert(principal);
    let rate_limit = throttle::charge(app, &principal.caller.account, request.operation.charge).await?;
    let rate_limit = state.throttled.insert(rate_limit);
    rate_limit.retry_after().map_or(Ok(()), |seconds| Err(Problem::rate_limited(seconds)))
}

/// Adds the headers that every response has.
fn finish(response: Reply, request_id: String, rate_limit: Option<Throttled>) -> Response {
    let mut response = response.into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization"));
    if let Some(rate_limit) = rate_limit {
        rate_limit.write(headers);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: impl Fn(&'static App, &'static Operation, Arrival, Request) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_is_moved_for_every_call_is_small() {
        assert!(size(enter) < 4096, "{} bytes", size(enter));
    }
}
