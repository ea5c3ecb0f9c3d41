//! Why a stream ends before its end.

use kernel::{Id, RequestId, StoreError};

#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("the client went away")]
    Abandoned,
    #[error("the client took nothing for too long")]
    Stalled,
    #[error("it took too long in all")]
    TooLong,
    #[error("the account may no longer read this")]
    Lost,
    #[error("whether the account may still read this could not be proved")]
    Unproved(#[source] Option<StoreError>),
    #[error("the store failed: {0}")]
    Store(#[source] StoreError),
    #[error("it panicked")]
    Panicked,
}

impl Cut {
    pub(super) fn log(&self, request_id: Id<RequestId>, route: &'static str) {
        match self {
            Self::Abandoned => tracing::debug!(%request_id, route, "a stream was cut: {self}"),
            Self::Stalled | Self::TooLong | Self::Lost => {
                tracing::info!(%request_id, route, "a stream was cut: {self}");
            }
            Self::Unproved(Some(error)) => tracing::warn!(%request_id, route, %error, "a stream was cut: {self}"),
            Self::Unproved(None) | Self::Store(StoreError::Unavailable(_)) => {
                tracing::warn!(%request_id, route, "a stream was cut: {self}");
            }
            Self::Store(_) | Self::Panicked => tracing::error!(%request_id, route, "a stream was cut: {self}"),
        }
    }
}
