//! Which failures of a database pass by themselves and which don't.

use kernel::StoreError;
use rusqlite::ErrorCode;

type Source = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn corrupt(source: impl Into<Source>) -> StoreError {
    StoreError::Corrupt(source.into())
}

pub(crate) fn unavailable(source: impl Into<Source>) -> StoreError {
    StoreError::Unavailable(source.into())
}

pub(super) fn of_sqlite(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly,
        ) => unavailable(error),
        _ => corrupt(error),
    }
}

/// What a failed statement means for the transaction it stood in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection is of no more use.
    Dead,
    /// Another transaction was in the way: run it again.
    Crossed,
}

pub(super) fn trouble(error: &sqlx::Error) -> Option<Trouble> {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Some(Trouble::Dead)
        }
        sqlx::Error::Database(database) => match database.code().as_deref() {
            // Serialization failure, deadlock; and a unique key that another transaction took between our look and our
            // write, which the next run sees.
            Some("40001" | "40P01" | "23505") => Some(Trouble::Crossed),
            // 08P01 is a mistake of ours, and the connection lives on.
            Some(code) if (code.starts_with("08") && code != "08P01") || code.starts_with("57P") => Some(Trouble::Dead),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn of_postgres(error: sqlx::Error) -> StoreError {
    let passes = match &error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // Too little of something; a standby that takes no writes.
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| code.starts_with("53") || code == "25006" || code == "3D000")
        }
        _ => false,
    };
    if passes || trouble(&error).is_some() { unavailable(error) } else { corrupt(error) }
}
