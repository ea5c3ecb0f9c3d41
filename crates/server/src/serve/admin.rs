//! The admin listener with the probes and metrics.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kernel::Clock;
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
    let text = async {
        let unsealed = state.store.unsealed_stats(None).await.map_err(|error| error.to_string())?;
        let pending = state.store.pending_events().await.map_err(|error| error.to_string())?;
        let now = state.clock.now();
        let lag = state.store.delivery_lag(now).await.map_err(|error| error.to_string())?;
        state.webhook_metrics.set_lag(&lag, now);
        state.metrics.set_sealing_lag(unsealed.oldest, now);
        state.metrics.encode(unsealed.entries, pending).map_err(|failure| failure.to_string())
    };
    match text.await {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}
