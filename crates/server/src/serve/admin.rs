//! The admin listener with the probes and metrics.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use kernel::{Clock, StoreError};
use store::DynStore;
use tokio::time::timeout;

use crate::{
    compose::Tokens,
    serve::{
        attachment_probe::AttachmentProbe,
        metrics::{Metrics, WebhookMetrics},
        shutdown::ShutdownSignal,
    },
};

/// Maximum duration of each use of the database by a probe or the metrics: callers wait for 3 s or longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The state that probes and metrics read.
#[derive(Clone)]
pub(crate) struct AdminState {
    pub(crate) store: Arc<DynStore>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) webhook_metrics: Arc<WebhookMetrics>,
    pub(crate) attachments: Arc<AttachmentProbe>,
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
    match check_ready(&state).await {
        Ok(None) => "ready\n".into_response(),
        Ok(Some(limitation)) => format!("ready, but uploads are refused: {limitation}\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// Returns the reason if the server is not ready, and if it is, what it can't do.
async fn check_ready(state: &AdminState) -> Result<Option<String>, String> {
    if state.shutdown.is_requested() {
        return Err("stopping".to_owned());
    }
    let (database, attachments) = tokio::join!(within(state.store.check_ready()), state.attachments.check());
    database.map_err(|error| format!("database: {error}"))?;
    let limitation = attachments.map_err(|error| format!("attachments: {error}"))?;
    // Without them every call is refused.
    state.tokens.check_fresh().map_err(|error| format!("{error}: see the log for why they can't be read"))?;
    Ok(limitation)
}

/// Limits the time that the database has to answer.
async fn within<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::Unavailable(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()).into());
    timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(|_| Err(late()))
}

async fn metrics(State(state): State<AdminState>) -> Response {
    let now = state.clock.now();
    let (ready, unsealed, pending, lag, paused) = tokio::join!(
        check_ready(&state),
        within(state.store.unsealed_stats(None)),
        within(state.store.pending_events()),
        within(state.store.delivery_lag(now)),
        within(state.store.webhooks_paused()),
    );
    state.metrics.set_ready(ready.is_ok());
    let unread = [
        state.metrics.set_unsealed(figure("unsealed audit entries", unsealed), now),
        state.metrics.set_pending(figure("pending events", pending)),
        state.webhook_metrics.set_lag(figure("webhook lag", lag), now),
        state.webhook_metrics.set_paused(figure("paused webhooks", paused)),
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
