//! Why a command did not do what it was asked: one line, and the exit status that goes with it.

use std::{fmt, process::ExitCode};

/// The end of a command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    line: String,
}

impl Failure {
    /// It could not be done.
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self { exit: 1, line: line.into() }
    }

    /// It was not asked for in a way that makes sense.
    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self { exit: 2, line: line.into() }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line is promised, whatever a library has put into its message.
        for (place, part) in self.line.lines().map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

/// Says what was being done when something went wrong.
pub(crate) trait Context<T> {
    /// The failure `doing: error`.
    fn or_fail(self, doing: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn or_fail(self, doing: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{}: {error}", doing())))
    }
}
