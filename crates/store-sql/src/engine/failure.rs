//! Which failures of a database pass by themselves and which don't.

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

/// What a failed statement means for the work it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection is of no more use.
    Dead,
    /// Another transaction was in the way.
    Crossed,
    /// Another transaction took a unique key, or made a table, between a look and a write.
    Taken,
    /// The prepared statement is not what the server has by now.
    Stale,
    /// A statement before it failed, and the transaction with it.
    Aborted,
    /// It was asked for too late to share a transaction.
    Late,
    /// A lock was held by others, or it took, for too long.
    Waited,
    /// Anything else.
    Failed,
}

impl Trouble {
    /// Whether the same may succeed when it is done again.
    pub(super) fn passes(self) -> bool {
        matches!(self, Self::Dead | Self::Crossed | Self::Taken | Self::Stale)
    }

    /// Whether it comes from what was asked, and not from what happened around it.
    pub(super) fn is_its_own(self) -> bool {
        matches!(self, Self::Taken | Self::Late | Self::Failed)
    }
}

pub(super) fn trouble(error: &tokio_postgres::Error) -> Trouble {
    let Some(database) = error.as_db_error() else {
        return if broke(error) { Trouble::Dead } else { Trouble::Failed };
    };
    match database.code().code() {
        "40001" | "40P01" => Trouble::Crossed,
        "23505" | "42P07" => Trouble::Taken,
        // The result of a cached plan has other columns now; the statement is not there, as after DISCARD.
        "0A000" if database.routine() == Some("RevalidateCachedQuery") => Trouble::Stale,
        "26000" => Trouble::Stale,
        "25P02" => Trouble::Aborted,
        "55P03" | "57014" => Trouble::Waited,
        // Whether it was completed is not known, which is the same as if nobody had answered.
        "40003" => Trouble::Dead,
        // 08P01 is a mistake of ours, and the connection lives on. 57014 ends a statement, not the connection.
        code if (code.starts_with("08") && code != "08P01") || code.starts_with("57P") => Trouble::Dead,
        _ => Trouble::Failed,
    }
}

/// Whether the connection broke: what is wrong with a statement itself comes from the server or from encoding it.
fn broke(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>())
}

pub(super) fn of_postgres(error: tokio_postgres::Error) -> StoreError {
    let passes = match error.as_db_error().map(|database| database.code().code()) {
        // Too little of something; a standby that takes no writes.
        Some(code) => code.starts_with("53") || code == "25006",
        None => false,
    };
    let trouble = trouble(&error);
    let passes =
        passes || (trouble.passes() && !is_of_schema(&error)) || matches!(trouble, Trouble::Aborted | Trouble::Waited);
    if passes { unavailable(in_words(&error)) } else { corrupt(in_words(&error)) }
}

/// Whoever can't be connected to may be so the next time.
pub(super) fn of_connecting(error: tokio_postgres::Error) -> StoreError {
    unavailable(in_words(&error))
}

/// The error with its causes: by itself it says little more than which part of the driver it comes from.
pub(super) fn in_words(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Making a table is tried again where another makes it, but one that is there stays there.
fn is_of_schema(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|database| database.code().code() == "42P07")
}

/// One failure, told to everybody whom it concerns.
pub(crate) fn shared(error: &Arc<StoreError>) -> StoreError {
    match &**error {
        StoreError::Unavailable(_) => unavailable(Arc::clone(error)),
        StoreError::Corrupt(_) => corrupt(Arc::clone(error)),
    }
}
