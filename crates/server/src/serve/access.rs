//! What the log and the gauges see of a call. The query is left out: it may hold a reason.

use std::convert::Infallible;

use axum::{extract::Request, response::Response};

use crate::serve::metrics::Metrics;

const REQUEST_ID: &str = "x-request-id";

/// Answers a request and notes how it went.
///
/// # Errors
/// None.
pub(crate) async fn watched<F>(
    metrics: &Metrics,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Result<Response, Infallible>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    let in_flight = metrics.enter();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = answer(request).await?;
    drop(in_flight);
    let status = response.status().as_u16();
    let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let path = uri.path();
    tracing::debug!(%method, path, status, request_id, "call answered");
    Ok(response)
}
