//! The one door every call goes through: who calls, whether they may, how often, and that it is on record.

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

/// What is known of a call by the time it has its reply.
#[derive(Default)]
struct Passage {
    /// Whose log it stands in, and by whom: also where the caller was turned away.
    who: Option<Arc<Cached>>,
    known: Option<Known>,
    throttled: Option<Throttled>,
}

/// How a request came to the door.
pub(crate) enum Arrival {
    /// By a route, with the values of its path's parameters.
    At(Vec<String>),
    /// By none: there is no such route, or it takes other methods. It is still found out who called.
    Astray(Problem),
}

/// Answers a call to `operation`.
pub(crate) async fn enter(app: &App, operation: &'static Operation, arrival: Arrival, request: Request) -> Response {
    // How long a call takes is no moment of the domain: the wall clock is too coarse for it and may step.
    let began = Instant::now();
    let request_id = Id::new(app.services.entropy.ulid(app.services.clock.now()));
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
    let address = peer.map(|peer| app.services.settings.trusted_proxies.source(peer, &parts.headers));
    let mut passage = Passage::default();
    let mut origin = origin(operation, &parts, request_id, address);
    if matches!(arrival, Arrival::Astray(_)) {
        origin.route = Some(printable(parts.uri.path().as_bytes(), 200).into());
    }
    let method = parts.method.clone();
    let call = Call {
        operation,
        format: Format::Json,
        request_id,
        parts,
        path: Vec::new(),
        body: Bytes::new(),
        address,
        known: None,
    };
    let passed = contained(request_id, pass(app, call, arrival, body, &mut passage)).await;

    let refused = passed.is_err();
    let limited = passage.throttled.as_ref().is_some_and(Throttled::refuses)
        || (matches!(operation.access, Access::Scope(_))
            && passed.as_ref().is_err_and(|problem| problem.status == StatusCode::TOO_MANY_REQUESTS));
    let name = request_id.to_string();
    let mut reply = passed.unwrap_or_else(|problem| problem.into_reply(&name));
    if !reply.on_record {
        let note = Note {
            action: action(operation, refused, reply.replayed),
            subject: reply.subject.take(),
            origin,
            status: reply.status.as_u16(),
            changes: Vec::new(),
        };
        let record = async {
            match &passage.known {
                Some(known) if limited => app.trail.record_limited(&app.services, &known.cached, note).await,
                _ => app.trail.record(&app.services, passage.who.map(|cached| cached.who()), note).await,
            }
            .map_err(Problem::from)
        };
        if let Err(problem) = contained(request_id, record).await {
            // What can't be put on record is not given out; what it was is in the server's own log.
            tracing::warn!(request_id = %name, status = reply.status.as_u16(), route = operation.path, "a call is not in the audit log");
            reply = problem.into_reply(&name);
        }
    }
    if reply.status.is_server_error() {
        tracing::warn!(request_id = %name, method = %method, route = operation.path, status = reply.status.as_u16(), "answered with an error");
    }
    app.services.observer.answered(method.as_str(), operation.path, reply.status.as_u16(), began.elapsed());
    finish(reply, name, passage.throttled)
}

fn action(operation: &Operation, refused: bool, replayed: bool) -> Action {
    match (refused, replayed) {
        (false, false) => Action::new(operation.action),
        (true, _) => Action(format!("{}.refused", operation.action).into()),
        (false, true) => Action(format!("{}.replayed", operation.action).into()),
    }
}

async fn pass(
    app: &App,
    mut call: Call,
    arrival: Arrival,
    body: Body,
    passage: &mut Passage,
) -> Result<Reply, Problem> {
    match call.operation.access {
        Access::Scope(scope) => {
            identify(app, &call, passage).await?;
            let known = passage.known.as_ref().ok_or_else(Problem::internal)?;
            known.caller.need(scope).map_err(|_| Problem::forbidden(scope))?;
        }
        Access::Open | Access::Nowhere => {
            // Who calls is found out for the audit log, where a token tells; that none does changes nothing here.
            if call.parts.headers.contains_key(header::AUTHORIZATION)
                && let Err(problem) = identify(app, &call, passage).await
                && (passage.known.is_some() || problem.status.is_server_error())
            {
                return Err(problem);
            }
        }
    }
    head::check(&call.parts)?;
    call.path = match arrival {
        Arrival::At(path) => path,
        Arrival::Astray(problem) => return Err(problem),
    };
    if call.parts.headers.contains_key(ON_BEHALF_OF) {
        return Err(Problem::validation(vec![Issue::new(["header", "X-On-Behalf-Of"], "is not supported")]));
    }
    let offered = call.operation.formats;
    call.format = preferred(&call.parts.headers, offered).ok_or_else(|| Problem::not_acceptable(offered))?;
    // The room is given back when the call is over: what was read from a body is larger than the body.
    let (body, _room) = app.intake.take(body, passage.known.is_some()).await?;
    call.body = body;
    call.known = passage.known.clone();
    (call.operation.handler)(app, &call).await
}

/// What panics is a 500 like any other fault of ours, and no connection that breaks off. No `async fn`, which would hold the
/// work twice over, and every call moves it.
fn contained<T>(
    request_id: Id<RequestId>,
    work: impl Future<Output = Result<T, Problem>>,
) -> impl Future<Output = Result<T, Problem>> {
    AssertUnwindSafe(work).catch_unwind().map(move |done| {
        done.unwrap_or_else(|_| {
            tracing::error!(%request_id, "a call panicked");
            Err(Problem::internal())
        })
    })
}

/// Finds out who calls and charges them.
async fn identify(app: &App, call: &Call, passage: &mut Passage) -> Result<(), Problem> {
    let known = authenticate(app, &call.parts.headers).await.map_err(|TurnedAway { problem, who }| {
        passage.who = who;
        problem
    })?;
    passage.who = Some(Arc::clone(&known.cached));
    let known = passage.known.insert(known);
    let throttled = throttle::charge(app, &known.caller.account, call.operation.charge).await?;
    let throttled = passage.throttled.insert(throttled);
    throttled.retry_after().map_or(Ok(()), |seconds| Err(Problem::rate_limited(seconds)))
}

fn finish(reply: Reply, request_id: String, throttled: Option<Throttled>) -> Response {
    let mut response = reply.into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization"));
    if let Some(throttled) = throttled {
        throttled.write(headers);
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
