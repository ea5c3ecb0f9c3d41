//! A benchmark that can't measure says why and ends.

use std::{error::Error, fmt};

/// What came out, or why nothing did.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why it ended, in words.
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

/// `main` shows what it ends with by `Debug`.
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

/// Says what was being done when it failed.
pub(crate) trait Context<T> {
    fn or_fail(self, doing: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn or_fail(self, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{}: {}", doing(), error.into().0)))
    }
}

impl<T> Context<T> for Option<T> {
    fn or_fail(self, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.ok_or_else(|| Failure(doing()))
    }
}
