//! The request pipeline that every request passes through: authentication, authorization, rate limits, and the audit
//! entry.

mod account_cache;
mod app;
mod audit_recorder;
mod authenticate;
mod call_counter;
mod client_address;
mod endpoint;
mod head_limits;
mod head_memory;
mod kept_responses;
mod rate_limit;
mod services;
mod session;
mod stream_limits;

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Instant,
};

use auth::without_tokens;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::FutureExt;
use kernel::{Action, Id, RequestId};

use crate::{
    fair_budget::Exhausted,
    memory::{MemoryHolder, ResponseMemory},
    request::{
        Access, ApiRequest, BodyRule, CachedAccount, Charge, MediaType, Principal, RequestBody, negotiate, origin,
        printable,
    },
    response::{ApiResponse, Issue, Problem},
};

pub use app::App;
pub use audit_recorder::AuditNote;
pub(crate) use authenticate::authenticate;
pub use authenticate::current_scopes;
pub use client_address::TrustedProxies;
pub(crate) use endpoint::json_error;
pub(crate) use endpoint::{Audience, Endpoint};
pub use endpoint::{ErrorRenderer, FailedRequest, Handler};
pub use rate_limit::{charge_token, charge_token_failure};
pub use services::{ApiSettings, CommitListener, Observer, Quotas, Services, SessionCookie};
pub use stream_limits::{StreamLimits, StreamPermit};

use head_memory::HeadMemory;
use rate_limit::RateLimit;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-on-behalf-of");

/// The state of a request in the pipeline, for the audit entry and the rate limit headers.
struct RequestState {
    /// The memory that the request takes until it has been answered.
    head: HeadMemory,
    /// The account that the audit entry is recorded for, which is also set if authentication failed.
    account: Option<Arc<CachedAccount>>,
    principal: Option<Principal>,
    rate_limit: Option<RateLimit>,
    /// Whether the request was charged as one for a public page.
    is_public_page_charged: bool,
    /// Whether the handler was called.
    is_handled: bool,
}

impl RequestState {
    fn new(head: HeadMemory) -> Self {
        let (is_public_page_charged, is_handled) = (false, false);
        Self { head, account: None, principal: None, rate_limit: None, is_public_page_charged, is_handled }
    }
}

/// The result of matching a request against the routes.
pub(crate) enum RouteMatch {
    /// A route matched; these are the values of its path parameters.
    Matched(Vec<String>),
    /// No route matched the path or the method. The request is still authenticated and recorded.
    Unmatched(Problem),
}

/// Handles a request for this endpoint and returns its response.
pub(crate) async fn handle(app: &App, endpoint: &Endpoint, route: RouteMatch, request: Request) -> Response {
    // The duration of a request is not domain time: the wall clock is too coarse for it and may step.
    let began = Instant::now();
    let request_id = Id::new(app.services.entropy.ulid(app.services.clock.now()));
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
    let address = peer.map(|peer| app.services.settings.trusted_proxies.client_address(peer, &parts.headers));
    let mut state = RequestState::new(HeadMemory::new(&parts));
    let path = endpoint.route.path;
    let mut origin = origin(path, &parts, request_id, address);
    if matches!(route, RouteMatch::Unmatched(_)) {
        // A mistyped address may have the token of a link in it, which the readers of the audit log must not use.
        let path = printable(parts.uri.path().as_bytes(), 200);
        origin.route = Some(without_tokens(&path).into_owned().into());
    }
    let method = parts.method.clone();
    let target = parts.uri.path_and_query().map_or_else(String::new, |target| target.as_str().to_owned());
    let cookies: Vec<HeaderValue> = parts.headers.get_all(header::COOKIE).iter().cloned().collect();
    let mut body = RequestBody::new(&parts, body);
    let memory = ResponseMemory::default();
    let request = ApiRequest {
        route: endpoint.route,
        state: Arc::clone(&endpoint.state),
        media_type: MediaType::Json,
        request_id,
        parts,
        path: Vec::new(),
        body: Bytes::new(),
        streamed: Mutex::default(),
        address,
        principal: None,
        memory: memory.clone(),
    };
    let mut result = catch_panic(request_id, process(app, endpoint, request, route, &mut body, &mut state)).await;
    // An endpoint that is open to anyone charges what it does for somebody itself, and records it. A form of such a page
    // may have been refused before it came to that.
    let may_be_uncharged = |status: StatusCode| endpoint.audience == Audience::People && status.is_client_error();
    let is_charged_itself = |response: &ApiResponse| response.is_recorded && !may_be_uncharged(response.status);
    let is_free = |response: &ApiResponse| is_charged_itself(response) || endpoint.route.charge == Charge::Free;
    let is_charged = state.rate_limit.is_some() || state.is_public_page_charged || result.as_ref().is_ok_and(is_free);
    let exhausted = result.as_ref().err().and_then(Problem::exhausted);
    if exhausted == Some(Exhausted::Share) && !state.is_handled {
        // The caller hinders itself only, and has caused no work.
        if let Some(rate_limit) = &mut state.rate_limit {
            rate_limit.refund(app);
        }
    } else if !is_charged && (exhausted.is_some() || !is_server_error(&result)) {
        // A request that was charged to nothing is charged to its address, whatever it was refused for.
        let account = state.account.as_ref().map(|account| account.account.meta.id);
        let charge = rate_limit::charge_stranger(app, endpoint, account, cookies.iter(), address);
        if let Err(problem) = catch_panic(request_id, charge).await {
            result = Err(problem);
        }
    }

    let refused = result.is_err();
    let rate_limited = result.as_ref().is_err_and(|problem| problem.status == StatusCode::TOO_MANY_REQUESTS);
    let name = request_id.to_string();
    let failed = FailedRequest {
        request_id: &name,
        target: &target,
        is_read: matches!(method, Method::GET | Method::HEAD),
        principal: state.principal.as_ref(),
        cookies: &cookies,
    };
    let mut response = result.unwrap_or_else(|problem| endpoint.error_response(problem, &failed));
    if !response.is_recorded {
        // The page of a form that was refused is an error, too.
        let refused = refused || (!response.replayed && response.status.is_client_error());
        let note = AuditNote {
            action: audit_action(response.action.unwrap_or(endpoint.action), refused, response.replayed),
            subject: response.subject.take(),
            origin,
            status: response.status.as_u16(),
            changes: Vec::new(),
        };
        let repeatable = rate_limited || state.rate_limit.is_none();
        let account = state.account.as_deref().map(CachedAccount::audit_identity);
        let identity = account.or_else(|| state.principal.as_ref().map(Principal::audit_identity));
        let record = async { Ok(app.record(identity, note, repeatable).await?) };
        if let Err(problem) = catch_panic(request_id, record).await {
            // A response that can't be recorded is not sent; the server's log has its status.
            tracing::warn!(request_id = %name, status = response.status.as_u16(), route = path, "a request could not be recorded in the audit log, so its response was replaced by an error");
            response = endpoint.error_response(problem, &failed);
        }
    }
    // An organization that has stored all that it may is no failure of the server.
    if response.status.is_server_error() && response.status != StatusCode::INSUFFICIENT_STORAGE {
        tracing::warn!(request_id = %name, method = %method, route = path, status = response.status.as_u16(), "a request failed with a server error");
    }
    if let Some(account) = &state.account {
        app.call_counter.count(&account.account, response.status.as_u16(), app.services.clock.now());
    }
    app.services.observer.record_response(method.as_str(), path, response.status.as_u16(), began.elapsed());
    // A body that was not asked for is not received either: hyper closes the connection if the rest has not arrived yet.
    if refused || endpoint.body != BodyRule::Unread {
        body.discard_rest();
    }
    finalize(response, endpoint.audience, name, state.rate_limit, memory)
}

fn is_server_error(result: &Result<ApiResponse, Problem>) -> bool {
    match result {
        Ok(response) => response.status.is_server_error(),
        Err(problem) => problem.status.is_server_error(),
    }
}

fn audit_action(action: &'static str, refused: bool, replayed: bool) -> Action {
    match (refused, replayed) {
        (false, false) => Action::new(action),
        (true, _) => Action(format!("{action}.refused").into()),
        (false, true) => Action(format!("{action}.replayed").into()),
    }
}

/// Runs the checks of the pipeline in order, and then the handler of the operation.
async fn process(
    app: &App,
    endpoint: &Endpoint,
    mut request: ApiRequest,
    route: RouteMatch,
    body: &mut RequestBody,
    state: &mut RequestState,
) -> Result<ApiResponse, Problem> {
    let is_read = matches!(request.parts.method, Method::GET | Method::HEAD);
    if endpoint.audience == Audience::People && endpoint.route.access != Access::UnmatchedPage && !is_read {
        request.check_same_origin(&app.services.settings.public_url)?;
    }
    match endpoint.route.access {
        Access::Scope(scope) => {
            authenticate_and_charge(app, &mut request, state).await?;
            let principal = state.principal.as_ref().ok_or_else(Problem::internal)?;
            principal.caller()?.require_scope(scope).map_err(|_| Problem::forbidden(scope))?;
        }
        Access::Permission(_) | Access::SignedIn => {
            sign_in_and_charge(app, &request, state).await?;
            if let (Access::Permission(permission), Some(principal)) = (endpoint.route.access, &state.principal) {
                principal.user()?.caller.require(permission).map_err(Problem::denied)?;
            }
        }
        Access::UnmatchedPage => {
            if let Err(problem) = sign_in_and_charge(app, &request, state).await
                && (state.principal.is_some() || problem.status.is_server_error() || problem.exhausted().is_some())
            {
                return Err(problem);
            }
        }
        Access::Public | Access::Unmatched => {
            // A token is only used for the audit log and the rate limit here; an invalid one is ignored.
            if endpoint.audience == Audience::Programs
                && request.parts.headers.contains_key(header::AUTHORIZATION)
                && let Err(problem) = authenticate_and_charge(app, &mut request, state).await
                && (state.principal.is_some() || problem.status.is_server_error() || problem.exhausted().is_some())
            {
                return Err(problem);
            }
            if state.principal.is_none() {
                state.head.charge_to(&app.head_memory, MemoryHolder::Address(request.address))?;
            }
            if endpoint.is_page_for_people() {
                state.is_public_page_charged = true;
                let cookies = request.parts.headers.get_all(header::COOKIE);
                rate_limit::charge_public_page(app, cookies.iter(), request.address).await?;
            }
        }
    }
    head_limits::check(&request.parts)?;
    request.path = match route {
        RouteMatch::Matched(path) => path,
        RouteMatch::Unmatched(problem) => return Err(problem),
    };
    if request.parts.headers.contains_key(ON_BEHALF_OF) {
        return Err(Problem::validation(vec![Issue::new(["header", "X-On-Behalf-Of"], "is not supported")]));
    }
    request.media_type = negotiate(&request.parts.headers, endpoint.media_types)?;
    let holder = match &state.principal {
        Some(principal) => MemoryHolder::Principal(principal.organization(), principal.id()),
        None => MemoryHolder::Address(request.address),
    };
    // The permit is held until the request is done, because the decoded body is larger than its bytes.
    let (body, _permit) = if endpoint.body == BodyRule::Streamed {
        request.streamed = Mutex::new(Some(Box::new(body.take_stream(&app.request_memory, holder).await?)));
        (Bytes::new(), None)
    } else {
        body.read(endpoint.body, &app.request_memory, holder).await?
    };
    if endpoint.responds_with_page(request.media_type) {
        request.memory.reserve_page(&app.response_memory, holder).await?;
    } else if request.media_type == MediaType::Json {
        request.memory.reserve_for(&app.response_memory, holder, body.len()).await?;
    }
    request.body = body;
    request.principal = state.principal.clone();
    state.is_handled = true;
    let response = (endpoint.handler)(app, &request).await?;
    // A response that is larger than what was reserved for it needs the rest, too. One to a write, which has had its
    // effect, is sent in any case.
    if !response.is_recorded {
        request.memory.ensure(response.body.len())?;
    }
    Ok(response)
}

/// Turns a panic into a 500 response, so that it does not break the connection. Not an `async fn`, because its future
/// would hold `work` twice, and every request moves it.
fn catch_panic<T>(
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

/// Authenticates the caller, and charges the request to its share of memory and to its rate limit.
async fn authenticate_and_charge(app: &App, request: &mut ApiRequest, state: &mut RequestState) -> Result<(), Problem> {
    let stranger = MemoryHolder::Address(request.address);
    let begin_refresh = || state.head.charge_to(&app.head_memory, stranger);
    let token = authenticate::verify(app, &request.parts.headers, begin_refresh).await?;
    let holder = MemoryHolder::Principal(token.claims.organization, token.claims.account.ulid());
    // Before the store is asked, which may take time.
    if let Err(problem) = state.head.charge_to(&app.head_memory, holder) {
        // The audit entry needs the account. The head is not kept meanwhile.
        request.parts.headers = HeaderMap::new();
        state.account = authenticate::account_of(app, &token).await?;
        return Err(problem);
    }
    let (caller, cached) = authenticate::admit(app, &token).await.map_err(|failure| {
        state.account = failure.account;
        failure.problem
    })?;
    state.account = Some(Arc::clone(&cached));
    let rate_limit = rate_limit::charge(app, &cached.account, request.route.charge);
    state.principal = Some(Principal::Account(caller, cached.clone()));
    let rate_limit = rate_limit.await?;
    let rate_limit = state.rate_limit.insert(rate_limit);
    rate_limit.retry_after().map_or(Ok(()), |seconds| Err(Problem::rate_limited(seconds)))
}

/// Authenticates a person by their session, and charges the request to their share of memory and to their rate limit.
async fn sign_in_and_charge(app: &App, request: &ApiRequest, state: &mut RequestState) -> Result<(), Problem> {
    // A stranger's until the session is found.
    state.head.charge_to(&app.head_memory, MemoryHolder::Address(request.address))?;
    let principal = session::authenticate_session(app, request).await?;
    let principal = state.principal.insert(principal);
    state.head.charge_to(&app.head_memory, MemoryHolder::Principal(principal.organization(), principal.id()))?;
    let rate_limit = rate_limit::charge_user(app, principal, request.route.charge).await?;
    let rate_limit = state.rate_limit.insert(rate_limit);
    rate_limit.retry_after().map_or(Ok(()), |seconds| Err(Problem::rate_limited(seconds)))
}

/// Adds the headers that every response has.
fn finalize(
    response: ApiResponse,
    audience: Audience,
    request_id: String,
    rate_limit: Option<RateLimit>,
    memory: ResponseMemory,
) -> Response {
    let is_streamed = response.stream.is_some();
    let mut response = response.into_response();
    if !is_streamed {
        response.extensions_mut().insert(memory);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, audience.cache_control());
    }
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, audience.vary());
    }
    headers.insert(CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(rate_limit) = rate_limit {
        rate_limit.write_headers(headers);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: impl Fn(&'static App, &'static Endpoint, RouteMatch, Request) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small() {
        assert!(size(handle) < 4096, "{} bytes", size(handle));
    }
}
