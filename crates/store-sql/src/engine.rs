//! The abstraction over PostgreSQL and SQLite. Code above this module only uses a [`Session`] and does not depend on
//! which of the two is behind it.

mod batch_statement;
mod column;
mod failure;
mod job;
mod location;
mod pipeline;
mod postgres;
mod row_reader;
mod script;
mod session;
mod sql;
mod sql_fragments;
mod sqlite;
mod streams;
mod unique_columns;
mod value;

use std::{path::Path, sync::Arc};

use futures_util::future::BoxFuture;
use kernel::{RecordStream, StoreError};

pub(crate) use batch_statement::BatchStatement;
pub(crate) use column::{Column, SqlType};
pub(crate) use failure::{corrupt, is_outcome_unknown, shared_copy, unavailable};
pub use location::{DatabaseOptions, DatabaseUrl, MalformedDatabaseUrl, PostgresKind, PostgresUrl};
pub(crate) use pipeline::{Step, pipeline, pipeline2};
#[cfg(test)]
pub(crate) use postgres::PLANNER_SETTINGS;
pub(crate) use row_reader::RowReader;
pub(crate) use session::Script;
pub(crate) use sql::Sql;
pub(crate) use sql_fragments::{
    column_list, is_one_of, names_organizations, one_of, padded, padded_count, placeholder,
};
pub(crate) use unique_columns::{Nulls, UniqueColumns};
pub(crate) use value::Value;

use postgres::{PostgresEngine, PostgresSession};
pub(crate) use sqlite::is_missing;
use sqlite::{SqliteEngine, SqliteSession, WriteLock};
pub(crate) use streams::StreamPermit;
use streams::StreamedQuery;

/// An open database.
pub(crate) enum Engine {
    Postgres(PostgresEngine),
    Sqlite(SqliteEngine),
}

/// A connection for the duration of one job. On SQLite no method ever yields: it blocks the thread instead. On
/// PostgreSQL a statement is sent when it is first polled, and statements are sent in the order of their first polls.
pub(crate) enum Session {
    Postgres(PostgresSession),
    Sqlite(SqliteSession),
}

/// A closure that runs statements in one session, with its input. It may be run again from its start, so it must have
/// no effects other than in the session and in its result.
pub(crate) trait SessionFn<C, T, E>:
    for<'s> Fn(&'s C, &'s mut Session) -> BoxFuture<'s, Result<T, E>> + Send + Sync + 'static
{
}

impl<C, T, E, W> SessionFn<C, T, E> for W where
    W: for<'s> Fn(&'s C, &'s mut Session) -> BoxFuture<'s, Result<T, E>> + Send + Sync + 'static
{
}

/// The class of a grouped write. Writes of one class share transactions; on PostgreSQL one class never waits for the
/// locks of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CommitClass {
    Commit,
    /// Audit entries of calls that change no records.
    AuditEntries,
}

/// The input of a [`SessionFn`].
pub(crate) trait Input: Send + Sync + 'static {}

impl<C: Send + Sync + 'static> Input for C {}

/// A callback that receives the result of detached work.
pub(crate) trait Completion<T, E>: FnOnce(Result<T, E>) + Send + 'static {}

impl<T, E, D> Completion<T, E> for D where D: FnOnce(Result<T, E>) + Send + 'static {}

/// The error type of a [`SessionFn`].
pub(crate) trait WorkError: From<StoreError> + Send + 'static {}

impl<E: From<StoreError> + Send + 'static> WorkError for E {}

impl Engine {
    /// Opens the database. A missing file is created if `creates_missing`.
    pub(crate) async fn open(
        url: &DatabaseUrl,
        options: &DatabaseOptions,
        creates_missing: bool,
    ) -> Result<Self, StoreError> {
        Ok(match url {
            DatabaseUrl::Postgres(url) => Self::Postgres(PostgresEngine::open(url, options)?),
            DatabaseUrl::Sqlite(path) => {
                let path = path.clone();
                let engine = tokio::task::spawn_blocking(move || SqliteEngine::open(&path, creates_missing)).await;
                Self::Sqlite(engine.map_err(unavailable)??)
            }
        })
    }

    /// Runs a read, each statement in a snapshot of its own. The caller may drop the future at any time.
    pub(crate) async fn read<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Postgres(engine) => engine.read(input, work).await,
            Self::Sqlite(engine) => engine.read(input, work).await,
        }
    }

    /// Runs one statement that reads by a unique key. On SQLite it runs on the calling thread, although it blocks:
    /// descending a B-tree to one row takes microseconds, mostly in memory and otherwise a few pages, while handing it
    /// to a reader thread and back costs ten times as much. Reads whose cost grows with the data must use
    /// [`Self::read`].
    pub(crate) async fn read_point<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Postgres(engine) => engine.read(input, work).await,
            Self::Sqlite(engine) => engine.read_point(input, work).await,
        }
    }

    /// Whether the database runs within this process, so that sharing a statement between calls saves nothing.
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs a read detached from the caller; `completion` receives the result.
    pub(crate) fn spawn_read<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.spawn_read(input, work, completion),
            Self::Sqlite(engine) => engine.spawn_read(input, work, completion),
        }
    }

    /// Starts a streaming read on a connection of its own, in one snapshot, which is taken before this returns and held
    /// until the returned stream is dropped. The number of such connections is small.
    pub(crate) async fn stream<T: Send + 'static>(
        &self,
        sql: Arc<Sql>,
        values: Vec<Value<'static>>,
        read: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<Box<dyn RecordStream<T>>, StoreError> {
        let query = StreamedQuery { sql, values, read };
        Ok(match self {
            Self::Postgres(engine) => Box::new(engine.stream(query).await?),
            Self::Sqlite(engine) => Box::new(engine.stream(query).await?),
        })
    }

    /// Waits for a permit for a stream that reads by other means than [`Self::stream`].
    pub(crate) async fn stream_permit(&self) -> Result<StreamPermit, StoreError> {
        match self {
            Self::Postgres(engine) => engine.stream_permit().await,
            Self::Sqlite(engine) => engine.stream_permit().await,
        }
    }

    /// Blocks all writers, including those of other processes, until the returned lock is dropped. `None` on
    /// PostgreSQL: distributed databases with its protocol do not support its table locks.
    pub(crate) async fn lock_writes(&self) -> Result<Option<WriteLock>, StoreError> {
        match self {
            Self::Postgres(_) => Ok(None),
            Self::Sqlite(engine) => engine.lock_writes().await.map(Some),
        }
    }

    /// Copies the current state of the database to a file while others read and write. Not supported for PostgreSQL,
    /// which is backed up with `pg_dump`.
    pub(crate) async fn backup_to(&self, to: &Path) -> Result<(), StoreError> {
        match self {
            Self::Postgres(_) => Err(unavailable("PostgreSQL can't be copied to a file; back it up with pg_dump")),
            Self::Sqlite(engine) => engine.backup_to(to).await,
        }
    }

    /// Checks the integrity of every page and index of a SQLite file. No other process may have it open.
    pub(crate) async fn check_integrity(file: &Path) -> Result<(), StoreError> {
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || sqlite::check_integrity(&file)).await.map_err(unavailable)?
    }

    /// Runs the work in one transaction, which is committed when the work returns `Ok` and rolled back when it returns
    /// `Err`. Once started it runs to its end, even if the caller drops the future.
    pub(crate) async fn write<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.spawn_write(input, work, move |result| drop(sender.send(result)));
        receiver.await.unwrap_or_else(|_| Err(unavailable("the write was aborted before it completed").into()))
    }

    /// Like [`Self::write`], detached from the caller; `completion` receives the result once it is durable.
    pub(crate) fn spawn_write<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.spawn_write(input, work, completion),
            Self::Sqlite(engine) => engine.spawn_write(input, work, completion),
        }
    }

    /// Runs the work in one transaction that others of its class may share, and with it one wait for the disk. On
    /// PostgreSQL it must send all its statements before the first is answered (see [`pipeline()`]); work that sends
    /// more afterwards is run again in a transaction of its own, a little later.
    pub(crate) async fn write_grouped<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        class: CommitClass,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.spawn_write_grouped(class, input, work, move |result| drop(sender.send(result)));
        receiver.await.unwrap_or_else(|_| Err(unavailable("the write was aborted before it completed").into()))
    }

    /// Like [`Self::write_grouped`], detached from the caller; `completion` receives the result once it is durable.
    pub(crate) fn spawn_write_grouped<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        class: CommitClass,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.spawn_write_grouped(class, input, work, completion),
            Self::Sqlite(engine) => engine.spawn_write(input, work, completion),
        }
    }

    /// Refuses all further work on PostgreSQL, with this reason. On SQLite, where the database is a file that the engine
    /// watches by itself, it has no effect.
    pub(crate) fn refuse_work(&self, reason: &str) {
        if let Self::Postgres(engine) = self {
            engine.refuse_work(reason);
        }
    }

    /// Finishes the work in progress and closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(engine) => engine.close().await,
            Self::Sqlite(engine) => engine.close().await,
        }
    }
}
