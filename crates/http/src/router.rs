//! From endpoints to an axum router.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderValue, Response, header},
    routing::{MethodFilter, MethodRouter, on},
};
use tower::{Layer as _, util::MapResponseLayer};
use tower_http::compression::{
    CompressionBody, CompressionLayer,
    predicate::{NotForContentType, Predicate, SizeAbove},
};

use crate::{
    app::App,
    door::{Arrival, enter},
    operation::Operation,
    problem::Problem,
    routes::{NOWHERE, OPERATIONS},
};

/// What a path's parameters are read as.
type Path = Result<RawPathParams, RawPathParamsRejection>;

/// The API as an axum router: everything below `/api/v1`, and the answer for everything that is not there.
pub fn router(app: App) -> Router {
    let compression = CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest).compress_when(
        SizeAbove::new(1024)
            .and(NotForContentType::const_new("application/octet-stream"))
            // What is compressed waits for more, and an event does not.
            .and(NotForContentType::SSE),
    );
    // Around all routes at once: a layer of the router's own would be cloned and boxed with each of them, on every call.
    Router::new().fallback_service((MapResponseLayer::new(weaken), compression).layer(routes(Arc::new(app))))
}

fn routes(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<&'static Operation>> = BTreeMap::new();
    for operation in OPERATIONS.iter() {
        paths.entry(operation.path).or_default().push(operation);
    }
    let mut router = Router::new();
    for (path, operations) in paths {
        let allow: &'static str = Box::leak(allowed(&operations).into_boxed_str());
        let methods = operations.into_iter().fold(MethodRouter::new(), |methods, operation| {
            let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::GET);
            let handler = move |State(app): State<Arc<App>>, path: Path, request: Request| async move {
                // A path that is no UTF-8 names nothing.
                let arrival = path.map_or_else(
                    |_| Arrival::Astray(Problem::not_found()),
                    |path| Arrival::At(path.iter().map(|(_, value)| value.to_owned()).collect()),
                );
                enter(&app, operation, arrival, request).await
            };
            methods.merge(on(filter, handler))
        });
        let methods = methods.fallback(move |State(app): State<Arc<App>>, request: Request| async move {
            enter(&app, &NOWHERE, Arrival::Astray(Problem::method_not_allowed(allow)), request).await
        });
        router = router.route(path, methods);
    }
    let nowhere = |State(app): State<Arc<App>>, request: Request| async move {
        enter(&app, &NOWHERE, Arrival::Astray(Problem::no_such_route()), request).await
    };
    router.fallback(nowhere).with_state(app)
}

fn allowed(operations: &[&'static Operation]) -> String {
    let mut methods: Vec<&str> = operations.iter().map(|operation| operation.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.join(", ")
}

/// What is compressed is no longer the same byte for byte, so its entity tag becomes a weak one (RFC 9110 § 8.8.3).
fn weaken(mut response: Response<CompressionBody<Body>>) -> Response<CompressionBody<Body>> {
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
