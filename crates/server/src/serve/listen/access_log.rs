//! The access log and the gauge of requests in flight. The query is not logged, because it may contain a reason, nor is the
//! token of a link.

use std::convert::Infallible;

use auth::without_tokens;
use axum::{extract::Request, response::Response};

use crate::serve::metrics::Metrics;

const REQUEST_ID: &str = "x-request-id";

/// Runs a request with `handle`, counts it as in flight and logs its outcome.
///
/// # Errors
/// Never.
pub(crate) async fn log_request<F>(
    metrics: &Metrics,
    request: Request,
    handle: impl FnOnce(Request) -> F,
) -> Result<Response, Infallible>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    let in_flight = metrics.start_request();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = handle(request).await?;
    drop(in_flight);
    let status = response.status().as_u16();
    let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let path = without_tokens(uri.path());
    tracing::debug!(%method, %path, status, request_id, "request answered");
    Ok(response)
}
