//! The task that refreshes the token signing keys, so that changes to them apply on every server.

use std::{sync::Arc, time::Duration};

use crate::{compose::Tokens, serve::shutdown::ShutdownSignal};

/// Interval of reading the keys, several times within the duration that they may be used for without a refresh.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// Minimum interval between refreshes that requests cause: unauthenticated clients can name keys that don't exist.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_millis(250);

/// Refreshes the keys until shutdown.
pub(crate) async fn run(tokens: Arc<Tokens>, mut shutdown: ShutdownSignal) {
    loop {
        if let Err(failure) = tokens.refresh().await {
            tracing::warn!(%failure, "can't read the token signing keys; trying again");
        }
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            () = tokio::time::sleep(MIN_REFRESH_INTERVAL) => {}
        }
        tokio::select! {
            biased;
            () = shutdown.requested() => return,
            () = tokens.refresh_requested() => {}
            () = tokio::time::sleep(REFRESH_INTERVAL - MIN_REFRESH_INTERVAL) => {}
        }
    }
}
