//! Classification of database failures: which are transient and which are permanent.

use std::{error::Error as _, sync::Arc};

use kernel::StoreError;
use rusqlite::ErrorCode;

type Source = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn corrupt(source: impl Into<Source>) -> StoreError {
    StoreError::Corrupt(source.into())
}

pub(crate) fn unavailable(source: impl Into<Source>) -> StoreError {
    StoreError::Unavailable(source.into())
}

pub(super) fn from_sqlite(error: rusqlite::Error) -> StoreError {
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

/// The cause of an error of a transaction of which it is unknown whether it was committed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UnknownOutcome(String);

/// Returns the error of a transaction whose connection was lost when it was committed.
pub(super) fn outcome_unknown(error: &tokio_postgres::Error) -> StoreError {
    unavailable(UnknownOutcome(error_chain(error)))
}

/// Returns whether the error leaves open whether the transaction was committed.
pub(crate) fn is_outcome_unknown(error: &StoreError) -> bool {
    let StoreError::Unavailable(source) = error else { return false };
    let shared = source.downcast_ref::<Arc<StoreError>>();
    source.is::<UnknownOutcome>() || shared.is_some_and(|shared| is_outcome_unknown(shared))
}

/// The class of a failure, which decides what happens to the work the failed statement belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureClass {
    /// The connection is no longer usable.
    ConnectionLost,
    /// The transaction conflicted with another: a serialization failure or a deadlock.
    Serialization,
    /// Another transaction inserted the same unique key, or created the same table, first.
    UniqueViolation,
    /// The prepared statement no longer matches the server's.
    StalePlan,
    /// An earlier statement failed and aborted the transaction.
    Aborted,
    /// The statement was sent too late to share a transaction with other jobs.
    OutOfPipeline,
    /// The statement exceeded the lock timeout or the statement timeout.
    LockTimeout,
    /// Any other failure.
    Other,
}

impl FailureClass {
    /// Whether the work may succeed when it is run again.
    pub(super) fn is_transient(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::Serialization | Self::UniqueViolation | Self::StalePlan)
    }

    /// Whether the job's own statements caused the failure, as opposed to other work or the connection.
    pub(super) fn is_caused_by_job(self) -> bool {
        matches!(self, Self::UniqueViolation | Self::OutOfPipeline | Self::Other)
    }
}

pub(super) fn classify(error: &tokio_postgres::Error) -> FailureClass {
    let Some(database) = error.as_db_error() else {
        return if is_connection_error(error) { FailureClass::ConnectionLost } else { FailureClass::Other };
    };
    match database.code().code() {
        "40001" | "40P01" => FailureClass::Serialization,
        "23505" | "42P07" => FailureClass::UniqueViolation,
        // The result columns of a cached plan have changed. 26000: the statement does not exist, as after DISCARD.
        "0A000" if database.routine() == Some("RevalidateCachedQuery") => FailureClass::StalePlan,
        "26000" => FailureClass::StalePlan,
        "25P02" => FailureClass::Aborted,
        "55P03" | "57014" => FailureClass::LockTimeout,
        // Whether the statement completed is unknown, as if the connection had been lost.
        "40003" => FailureClass::ConnectionLost,
        // 08P01 is a protocol error of ours and leaves the connection usable. 57014 ends a statement, not the
        // connection.
        code if (code.starts_with("08") && code != "08P01") || code.starts_with("57P") => FailureClass::ConnectionLost,
        _ => FailureClass::Other,
    }
}

/// Whether the connection was lost. Errors of a statement itself come from the server or from encoding its parameters.
fn is_connection_error(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>())
}

pub(super) fn from_postgres(error: tokio_postgres::Error) -> StoreError {
    let transient = match error.as_db_error().map(|database| database.code().code()) {
        // Insufficient resources (class 53), or a standby that accepts no writes (25006).
        Some(code) => code.starts_with("53") || code == "25006",
        None => false,
    };
    let class = classify(&error);
    let transient = transient
        || (class.is_transient() && !is_duplicate_table(&error))
        || matches!(class, FailureClass::Aborted | FailureClass::LockTimeout);
    if transient { unavailable(error_chain(&error)) } else { corrupt(error_chain(&error)) }
}

/// Converts an error of connecting, which is always transient.
pub(super) fn from_connect_error(error: tokio_postgres::Error) -> StoreError {
    unavailable(error_chain(&error))
}

/// The error's message followed by those of its causes: on its own it names little more than the part of the driver
/// that failed.
pub(super) fn error_chain(error: &tokio_postgres::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    message
}

/// Whether the error is a duplicate table. Creating one is retried, since another process may be creating it; as a
/// final error it is permanent, because an existing table stays.
fn is_duplicate_table(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|database| database.code().code() == "42P07")
}

/// A copy of an error that several callers share.
pub(crate) fn shared_copy(error: &Arc<StoreError>) -> StoreError {
    match &**error {
        StoreError::Unavailable(_) => unavailable(Arc::clone(error)),
        StoreError::Corrupt(_) => corrupt(Arc::clone(error)),
    }
}
