//! The reasons why a stream is aborted.

use kernel::{Id, RequestId, StoreError};

/// The reason why a stream was aborted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("the client closed the connection")]
    Abandoned,
    #[error("the client did not read for 30 s")]
    Stalled,
    #[error("it exceeded the maximum duration of 15 minutes")]
    TooLong,
    #[error("the account no longer has access")]
    Lost,
    #[error("the access of the account could not be checked")]
    Unproved(#[source] Option<StoreError>),
    #[error("the store failed: {0}")]
    Store(#[source] StoreError),
    #[error("the task of the stream panicked")]
    Panicked,
}

impl Cut {
    /// Logs the abort at a level that depends on its reason.
    pub(super) fn log(&self, request_id: Id<RequestId>, route: &'static str) {
        match self {
            Self::Abandoned => tracing::debug!(%request_id, route, "a stream was aborted: {self}"),
            Self::Stalled | Self::TooLong | Self::Lost => {
                tracing::info!(%request_id, route, "a stream was aborted: {self}");
            }
            Self::Unproved(Some(error)) => tracing::warn!(%request_id, route, %error, "a stream was aborted: {self}"),
            Self::Unproved(None) | Self::Store(StoreError::Unavailable(_)) => {
                tracing::warn!(%request_id, route, "a stream was aborted: {self}");
            }
            Self::Store(_) | Self::Panicked => tracing::error!(%request_id, route, "a stream was aborted: {self}"),
        }
    }
}
