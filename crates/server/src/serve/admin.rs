//! Probes and metrics, on a port of their own.

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

use crate::serve::{metrics::Metrics, shutdown::Stop, webhook_metrics::WebhookMetrics};

/// What the probes look at.
#[derive(Clone)]
pub(crate) struct Probed {
    pub(crate) store: Arc<DynStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) webhooks: Arc<WebhookMetrics>,
    pub(crate) stop: Stop,
}

/// The endpoints of the admin listener.
pub(crate) fn router(probed: Probed) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(probed)
}

async fn ready(State(probed): State<Probed>) -> Response {
    if probed.stop.is_asked() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match probed.store.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("database: {error}\n")).into_response(),
    }
}

async fn metrics(State(probed): State<Probed>) -> Response {
    let figures = async {
        let unsealed = probed.store.tail(None).await.map_err(|error| error.to_string())?.entries;
        let pending = probed.store.pending_events().await.map_err(|error| error.to_string())?;
        let now = probed.clock.now();
        probed.webhooks.wait(&probed.store.lag(now).await.map_err(|error| error.to_string())?, now);
        probed.metrics.text(unsealed, pending).map_err(|failure| failure.to_string())
    };
    match figures.await {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}
