//! The reasons why a stream is aborted.

use kernel::{Id, RequestId, StoreError};

/// The reason why a stream was aborted.
#[derive(Debug, thiserror::Error)]
pub enum StreamAbort {
    /// The connection was closed: by the client, because the client did not read, or because the server stops.
    #[error("the connection was closed before the end")]
    ConnectionClosed,
    /// The client did not accept a chunk in time.
    #[error("the client did not read for 30 s")]
    Stalled,
    /// The stream exceeded its maximum duration.
    #[error("it exceeded its maximum duration")]
    TooLong,
    /// The account lost its access.
    #[error("the account no longer has access")]
    Revoked,
    /// The access of the account could not be checked, because the store failed or did not respond in time.
    #[error("the access of the account could not be checked")]
    AccessUnknown(#[source] Option<StoreError>),
    /// The bytes could not be read, or are not those that were stored.
    #[error("the content can't be read: {error}")]
    Content {
        /// The name of the cause, for the audit log.
        cause: &'static str,
        /// The failure.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[source] StoreError),
    /// The task of the stream panicked.
    #[error("the task of the stream panicked")]
    Panicked,
}

impl StreamAbort {
    /// The name of the cause, for the audit log.
    pub(super) const fn cause(&self) -> &'static str {
        match self {
            Self::ConnectionClosed => "connection_closed",
            Self::Stalled => "client_stalled",
            Self::TooLong => "too_slow",
            Self::Revoked => "access_revoked",
            Self::AccessUnknown(_) => "access_unknown",
            Self::Content { cause, .. } => cause,
            Self::Store(_) => "database_failed",
            Self::Panicked => "server_failed",
        }
    }

    /// Logs the abort at a level that depends on its reason.
    pub(super) fn log(&self, request_id: Id<RequestId>, route: &'static str) {
        match self {
            Self::ConnectionClosed => tracing::debug!(%request_id, route, "a stream was aborted: {self}"),
            Self::Stalled | Self::TooLong | Self::Revoked => {
                tracing::info!(%request_id, route, "a stream was aborted: {self}");
            }
            Self::AccessUnknown(Some(error)) => {
                tracing::warn!(%request_id, route, %error, "a stream was aborted: {self}")
            }
            Self::AccessUnknown(None) | Self::Store(StoreError::Unavailable(_)) => {
                tracing::warn!(%request_id, route, "a stream was aborted: {self}");
            }
            Self::Store(_) | Self::Content { .. } | Self::Panicked => {
                tracing::error!(%request_id, route, "a stream was aborted: {self}")
            }
        }
    }
}
