//! The error of a failed command: one line and an exit status.

use std::{fmt, process::ExitCode};

/// The error that a command exits with.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    line: String,
}

impl Failure {
    /// Creates an error of a command that could not be carried out; exit status 1.
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self { exit: 1, line: line.into() }
    }

    /// Creates an error of invalid arguments or settings; exit status 2.
    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self { exit: 2, line: line.into() }
    }

    /// The exit status of the process.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Messages of libraries may have several lines; the output is always one.
        for (index, part) in self.line.lines().map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            if index > 0 {
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

/// Returns the root cause of an error. The errors that wrap it say only which operation failed.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Adds context to errors.
pub(crate) trait ResultExt<T> {
    /// Converts an error to a [`Failure`] whose message is `doing: error`.
    fn context(self, doing: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> ResultExt<T> for Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{}: {error}", doing())))
    }
}
