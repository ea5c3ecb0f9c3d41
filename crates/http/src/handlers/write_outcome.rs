//! The outcome of a write, for what it refers to outside of the database.

use axum::http::StatusCode;

use crate::response::{ApiResponse, Problem};

/// The outcome of a write, for what it refers to outside of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It was stored.
    Stored,
    /// The response to another request with the same key was returned.
    Replayed,
    /// Nothing was stored.
    Refused,
    /// It may have been stored, although its outcome was lost. What it refers to is left to the sweep.
    Unknown,
}

impl WriteOutcome {
    /// Returns the outcome of the write with this response.
    #[must_use]
    pub fn of(response: &Result<ApiResponse, Problem>) -> Self {
        match response {
            Ok(response) if response.is_replay() => Self::Replayed,
            Ok(_) => Self::Stored,
            Err(problem) => Self::of_problem(problem),
        }
    }

    /// Returns the outcome of the write that ended with this error response.
    #[must_use]
    pub fn of_problem(problem: &Problem) -> Self {
        // The command is refused for its bytes before it is committed.
        let is_lost = problem.status.is_server_error() && problem.status != StatusCode::INSUFFICIENT_STORAGE;
        if is_lost { Self::Unknown } else { Self::Refused }
    }
}
