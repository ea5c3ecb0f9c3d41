//! The errors of what is larger than it may be, or would be stored beyond a limit.

use std::time::Duration;

use axum::http::{StatusCode, header};

use super::Problem;

impl Problem {
    /// Creates a 413 response for a body, or a file in it, that is larger than this many bytes.
    #[must_use]
    pub fn payload_too_large(limit: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", format!("the body may be at most {limit} bytes"))
    }

    /// The error for a batch whose existing records have larger texts than one request may update.
    #[must_use]
    pub fn too_much_to_update(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!(
                "the texts of the existing records may have at most {limit} bytes together: send fewer items per request"
            ),
        )
    }

    /// Creates a 429 response for an account that has stored too much which is removed by itself.
    #[must_use]
    pub fn too_much_stored(message: String, retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
            .header(header::RETRY_AFTER, &retry_after.as_secs().to_string())
    }

    /// Creates a 507 response for what can't be stored until somebody makes room for it. It has no `Retry-After`, since
    /// waiting does not help.
    #[must_use]
    pub fn insufficient_storage(message: String) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "insufficient_storage", message)
    }
}
