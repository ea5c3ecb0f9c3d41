//! The error of a benchmark that can't measure: its message is printed and the program ends.

use std::{error::Error, fmt};

/// The result of a step of the benchmark.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// The message of an error.
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// `main` prints the error it returns with `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Adds the action that failed to an error.
pub(crate) trait Context<T> {
    fn context(self, action: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context(self, action: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{}: {}", action(), error.into().0)))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, action: impl FnOnce() -> String) -> Outcome<T> {
        self.ok_or_else(|| Failure(action()))
    }
}
