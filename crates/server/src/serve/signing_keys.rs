//! The task that reads the token signing keys again and again, so that what is done to them holds on every server.

use std::{sync::Arc, time::Duration};

use crate::{compose::Tokens, serve::shutdown::Stop};

/// How often the keys are read; several times within the span they are good for.
const EVERY: Duration = Duration::from_secs(2);

/// How long no call makes it read them again: strangers can name keys that never were.
const REST: Duration = Duration::from_millis(250);

/// Reads the keys until it is time to stop.
pub(crate) async fn keep_fresh(tokens: Arc<Tokens>, mut stop: Stop) {
    loop {
        if let Err(failure) = tokens.refresh().await {
            tracing::warn!(%failure, "can't read the signing keys");
        }
        tokio::select! {
            biased;
            () = stop.asked() => return,
            () = tokio::time::sleep(REST) => {}
        }
        tokio::select! {
            biased;
            () = stop.asked() => return,
            () = tokens.wanted() => {}
            () = tokio::time::sleep(EVERY - REST) => {}
        }
    }
}
