//! The task that refreshes the token signing keys, so that changes to them apply on every server.

use std::{sync::Arc, time::Duration};

use crate::{compose::Tokens, serve::shutdown::Stop};

/// Interval of reading the keys, several times within the duration that they may be used for without a refresh.
const EVERY: Duration = Duration::from_secs(2);

/// Minimum interval between refreshes that requests cause: unauthenticated clients can name keys that don't exist.
const REST: Duration = Duration::from_millis(250);

/// Refreshes the keys until shutdown.
pub(crate) async fn keep_fresh(tokens: Arc<Tokens>, mut shutdown: Stop) {
    loop {
        if let Err(failure) = tokens.refresh().await {
            tracing::warn!(%failure, "can't read the token signing keys; trying again");
        }
        tokio::select! {
            biased;
            () = shutdown.asked() => return,
            () = tokio::time::sleep(REST) => {}
        }
        tokio::select! {
            biased;
            () = shutdown.asked() => return,
            () = tokens.wanted() => {}
            () = tokio::time::sleep(EVERY - REST) => {}
        }
    }
}
