//! The admin listener with the probes and metrics.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kernel::{Clock, StoreError};
use store::DynStore;

use crate::serve::{
    metrics::{Metrics, WebhookMetrics},
    shutdown::ShutdownSignal,
};

/// The state that probes and metrics read.
#[derive(Clone)]
pub(crate) struct AdminState {
    pub(crate) store: Arc<DynStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) webhook_metrics: Arc<WebhookMetrics>,
    pub(crate) shutdown: ShutdownSignal,
}

/// Creates the router of the admin listener.
pub(crate) fn router(state: AdminState) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(state)
}

async fn ready(State(state): State<AdminState>) -> Response {
    if state.shutdown.is_requested() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match state.store.check_ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("database: {error}\n")).into_response(),
    }
}

async fn metrics(State(state): State<AdminState>) -> Response {
    let now = state.clock.now();
    let (unsealed, pending, lag) =
        tokio::join!(state.store.unsealed_stats(None), state.store.pending_events(), state.store.delivery_lag(now));
    let unread = [
        state.metrics.set_unsealed(figure("unsealed audit entries", unsealed), now),
        state.metrics.set_pending(figure("pending events", pending)),
        state.webhook_metrics.set_lag(figure("webhook lag", lag), now),
    ];
    match state.metrics.encode(&unread.concat()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n")).into_response(),
    }
}

/// The figure, or `None` with a line in the log if the store could not return it.
fn figure<T>(name: &str, read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::warn!(%error, "can't read the metric of {name}; it is left out")).ok()
}
