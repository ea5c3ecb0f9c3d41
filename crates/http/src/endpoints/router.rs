//! The axum router, built from the declared endpoints.

use std::{borrow::Cow, collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, Version, header},
    routing::{MethodFilter, MethodRouter, on},
};
use bytes::Bytes;
use futures_util::{
    future::{BoxFuture, ready},
    stream,
};
use http_body_util::BodyExt as _;
use tower::{
    Layer as _,
    util::{AndThenLayer, MapRequestLayer, MapResponseLayer},
};
use tower_http::compression::{
    CompressionBody, CompressionLayer,
    predicate::{NotForContentType, Predicate, SizeAbove},
};

use super::{Surface, operation::Operation};
use crate::{
    memory::ResponseMemory,
    pipeline::{App, Audience, Endpoint, ErrorRenderer, RouteMatch, handle, json_error},
    request::{Access, ApiRequest, BodyRule, Charge, MediaType, Route, accept_identity, printable},
    response::{ApiResponse, NO_TRANSFORM, Problem},
};

/// The extractor of the path parameters.
type PathParams = Result<RawPathParams, RawPathParamsRejection>;

/// Returns the surfaces as one axum router: all their endpoints, and the response for requests that match none.
pub fn router(app: App, surfaces: impl IntoIterator<Item = Surface>) -> Router {
    let compression = CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest).compress_when(
        SizeAbove::new(1024)
            .and(NotForContentType::const_new("application/octet-stream"))
            // A compressor waits for more input before it emits output, which would delay events.
            .and(NotForContentType::SSE)
            .and(may_be_transformed),
    );
    // The layer is around all routes at once: a layer of the router would be cloned and boxed per route on every
    // request.
    // Nothing outside the routes may change a status: it would not be the one in the audit log, and a write would
    // already have had its effect.
    let layers = (
        AndThenLayer::new(hold_memory),
        MapRequestLayer::new(with_identity_acceptable),
        MapResponseLayer::new(weaken_etag),
        compression,
    );
    Router::new().fallback_service(layers.layer(routes(Arc::new(app), surfaces)))
}

/// Whether a response may be compressed: not if it is what a digest or a range of bytes refers to.
fn may_be_transformed(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    headers.get(header::CACHE_CONTROL) != Some(&NO_TRANSFORM)
}

/// Replaces the body of a response that was made whole by its final bytes, which hold the memory that was reserved for
/// it until the client has taken them. A compressor, whose buffers are larger than most bodies, is thus not kept while
/// the client reads.
async fn hold_memory(response: Response<CompressionBody<Body>>) -> Result<Response<Body>, Infallible> {
    let (mut parts, body) = response.into_parts();
    let Some(memory) = parts.extensions.remove::<ResponseMemory>() else {
        return Ok(Response::from_parts(parts, Body::new(body)));
    };
    // Nothing is awaited here: the whole body is in memory.
    let body = match body.collect().await {
        Ok(collected) => Body::from(memory.hold(collected.to_bytes())),
        Err(error) => {
            tracing::error!(%error, "a response could not be compressed");
            Body::from_stream(stream::once(ready(Err::<Bytes, _>(error))))
        }
    };
    Ok(Response::from_parts(parts, body))
}

fn routes(app: Arc<App>, surfaces: impl IntoIterator<Item = Surface>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<(&'static Operation, Endpoint)>> = BTreeMap::new();
    let mut unmatched =
        Unmatched { others: Arc::new(unmatched_endpoint(json_error, Audience::Programs)), of_surfaces: Vec::new() };
    for surface in surfaces {
        for operation in surface.operations {
            paths.entry(operation.path).or_default().push((operation, endpoint(operation, &surface)));
        }
        unmatched.of_surfaces.push((surface.prefix, Arc::new(unmatched_endpoint(surface.errors, surface.audience))));
    }
    let templates: Vec<&'static str> = paths.keys().copied().collect();
    let mut router = Router::new();
    for (path, operations) in paths {
        let allow: &'static str =
            Box::leak(allow_header(operations.iter().map(|(operation, _)| *operation)).into_boxed_str());
        let methods = operations.into_iter().fold(MethodRouter::new(), |methods, (operation, endpoint)| {
            let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::GET);
            let endpoint = Arc::new(endpoint);
            let handler = move |State(app): State<Arc<App>>, path: PathParams, request: Request| async move {
                // A path that is not UTF-8 is answered with 404.
                let route = path.map_or_else(
                    |_| RouteMatch::Unmatched(Problem::not_found()),
                    |path| RouteMatch::Matched(path.iter().map(|(_, value)| value.to_owned()).collect()),
                );
                handle(&app, &endpoint, route, request).await
            };
            methods.merge(on(filter, handler))
        });
        let endpoint = Arc::clone(unmatched.of(path));
        let methods = methods.fallback(move |State(app): State<Arc<App>>, request: Request| async move {
            handle(&app, &endpoint, RouteMatch::Unmatched(Problem::method_not_allowed(allow)), request).await
        });
        router = router.route(&axum_path(path), methods);
    }
    let no_such_route = move |State(app): State<Arc<App>>, request: Request| async move {
        let path = request.uri().path();
        let problem = match path.trim_end_matches('/') {
            shorter if shorter != path && templates.iter().any(|template| matches_template(template, shorter)) => {
                Problem::trailing_slash(&printable(shorter.as_bytes(), MAX_REPORTED_PATH))
            }
            _ => Problem::no_such_route(),
        };
        let endpoint = Arc::clone(unmatched.of(path));
        handle(&app, &endpoint, RouteMatch::Unmatched(problem), request).await
    };
    router.fallback(no_such_route).with_state(app)
}

/// Returns the path in the syntax of axum.
fn axum_path(path: &'static str) -> Cow<'static, str> {
    path.strip_suffix("{path}").map_or(Cow::Borrowed(path), |parent| Cow::Owned(format!("{parent}{{*path}}")))
}

/// The maximum number of characters of a path in an error message.
const MAX_REPORTED_PATH: usize = 200;

/// Whether the path is one of those that the template stands for.
fn matches_template(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template.split('/').zip(path.split('/')).all(|(expected, segment)| {
            if expected.starts_with('{') { !segment.is_empty() } else { expected == segment }
        })
}

/// The endpoints for requests that match no route.
#[derive(Clone)]
struct Unmatched {
    of_surfaces: Vec<(&'static str, Arc<Endpoint>)>,
    others: Arc<Endpoint>,
}

impl Unmatched {
    /// The endpoint of the surface that the path would belong to.
    fn of(&self, path: &str) -> &Arc<Endpoint> {
        let is_below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.of_surfaces.iter().find(|(prefix, _)| is_below(prefix)).map_or(&self.others, |(_, endpoint)| endpoint)
    }
}

fn endpoint(operation: &Operation, surface: &Surface) -> Endpoint {
    Endpoint {
        route: Route { path: operation.path, access: operation.access, charge: operation.charge },
        media_types: operation.media_types,
        action: operation.action,
        body: match (operation.document)().request {
            Some(media) if media.is_bytes() => BodyRule::Streamed,
            request => {
                BodyRule::new(request.is_some(), operation.charge == Charge::Write, operation.access == Access::Public)
            }
        },
        handler: operation.handler,
        state: Arc::clone(&surface.state),
        errors: surface.errors,
        audience: surface.audience,
    }
}

/// The placeholder for requests that match no endpoint. They are rejected before its handler would be called.
fn unmatched_endpoint(errors: ErrorRenderer, audience: Audience) -> Endpoint {
    Endpoint {
        route: Route { path: "unmatched", access: audience.unmatched(), charge: Charge::Read },
        media_types: &[MediaType::Json],
        action: "call.unmatched",
        body: BodyRule::Unread,
        handler: unmatched,
        state: Arc::new(()),
        errors,
        audience,
    }
}

fn unmatched<'a>(_: &'a App, _: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async { Err(Problem::no_such_route()) })
}

/// Returns the value of the `Allow` header.
fn allow_header(operations: impl Iterator<Item = &'static Operation>) -> String {
    let mut methods: Vec<&str> = operations.map(|operation| operation.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.join(", ")
}

fn with_identity_acceptable(mut request: Request) -> Request {
    accept_identity(request.headers_mut());
    request
}

/// Makes the entity tag of a compressed response weak, because its bytes are no longer the same (RFC 9110 § 8.8.3).
fn weaken_etag(mut response: Response<CompressionBody<Body>>) -> Response<CompressionBody<Body>> {
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && !tag.starts_with("W/")
        && let Ok(weak) = HeaderValue::try_from(format!("W/{tag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}
