//! The abstraction over PostgreSQL and SQLite. Code above this module only uses a [`Session`] and does not depend on
//! which of the two is behind it.

mod bulk;
mod cells;
mod failure;
mod in_order;
mod postgres;
mod session;
mod sql;
mod sqlite;
mod streams;
mod task;
mod value;

use std::{path::Path, sync::Arc};

use futures_util::future::BoxFuture;
use kernel::{RecordStream, StoreError};

pub(crate) use bulk::{Bulk, Cell, Column};
pub(crate) use cells::Cells;
pub(crate) use failure::{corrupt, shared, unavailable};
pub(crate) use in_order::{Step, both, in_order};
#[cfg(test)]
pub(crate) use postgres::PLANNING;
pub(crate) use session::{Script, Session};
pub(crate) use sql::Sql;
pub(crate) use value::Value;

use crate::location::{DatabaseOptions, DatabaseUrl};
use postgres::PostgresEngine;
use sqlite::{Hold, SqliteEngine};
use streams::StreamedQuery;

/// An open database.
pub(crate) enum Engine {
    Postgres(PostgresEngine),
    Sqlite(SqliteEngine),
}

/// A closure that runs statements in one session, with its input. It may be run again from its start, so it must have
/// no effects other than in the session and in its result.
pub(crate) trait Work<C, T, E>:
    for<'s> Fn(&'s C, &'s mut Session) -> BoxFuture<'s, Result<T, E>> + Send + Sync + 'static
{
}

impl<C, T, E, W> Work<C, T, E> for W where
    W: for<'s> Fn(&'s C, &'s mut Session) -> BoxFuture<'s, Result<T, E>> + Send + Sync + 'static
{
}

/// The class of a grouped write. Writes of one class share transactions; on PostgreSQL one class never waits for the
/// locks of the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sort {
    Commit,
    /// Audit entries of calls that change no records.
    Entries,
}

/// The input of a [`SessionFn`].
pub(crate) trait Given: Send + Sync + 'static {}

impl<C: Send + Sync + 'static> Given for C {}

/// A callback that receives the result of detached work.
pub(crate) trait Done<T, E>: FnOnce(Result<T, E>) + Send + 'static {}

impl<T, E, D> Done<T, E> for D where D: FnOnce(Result<T, E>) + Send + 'static {}

/// The error type of a [`SessionFn`].
pub(crate) trait Failure: From<StoreError> + Send + 'static {}

impl<E: From<StoreError> + Send + 'static> Failure for E {}

impl Engine {
    pub(crate) async fn open(url: &DatabaseUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        Ok(match url {
            DatabaseUrl::Postgres(url) => Self::Postgres(PostgresEngine::open(url, options)?),
            DatabaseUrl::Sqlite(path) => {
                let path = path.clone();
                let engine = tokio::task::spawn_blocking(move || SqliteEngine::open(&path)).await;
                Self::Sqlite(engine.map_err(unavailable)??)
            }
        })
    }

    /// Runs a read, each statement in a snapshot of its own. The caller may drop the future at any time.
    pub(crate) async fn read<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
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
    pub(crate) async fn read_point<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
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
    pub(crate) fn read_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
        completion: impl Done<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.read_apart(input, work, completion),
            Self::Sqlite(engine) => engine.read_apart(input, work, completion),
        }
    }

    /// Starts a streaming read on a connection of its own, in one snapshot, which is taken before this returns and held
    /// until the returned stream is dropped. The number of such connections is small.
    pub(crate) async fn stream<T: Send + 'static>(
        &self,
        sql: Arc<Sql>,
        values: Vec<Value<'static>>,
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Box<dyn RecordStream<T>>, StoreError> {
        let query = StreamedQuery { sql, values, read };
        Ok(match self {
            Self::Postgres(engine) => Box::new(engine.stream(query).await?),
            Self::Sqlite(engine) => Box::new(engine.stream(query).await?),
        })
    }

    /// Blocks all writers, including those of other processes, until the returned lock is dropped. `None` on
    /// PostgreSQL, which has no such lock that distributed PostgreSQL-compatible databases also have.
    pub(crate) async fn hold(&self) -> Result<Option<Hold>, StoreError> {
        match self {
            Self::Postgres(_) => Ok(None),
            Self::Sqlite(engine) => engine.hold().await.map(Some),
        }
    }

    /// Copies the current state of the database to a file while others read and write. Not supported for PostgreSQL,
    /// which is backed up with `pg_dump`.
    pub(crate) async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        match self {
            Self::Postgres(_) => Err(unavailable("PostgreSQL can't be copied to a file; back it up with pg_dump")),
            Self::Sqlite(engine) => engine.back_up(to).await,
        }
    }

    /// Checks the integrity of every page and index of a SQLite file. No other process may have it open.
    pub(crate) async fn examine(file: &Path) -> Result<(), StoreError> {
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || sqlite::examine(&file)).await.map_err(unavailable)?
    }

    /// Runs the work in one transaction, which is committed when the work returns `Ok` and rolled back when it returns
    /// `Err`. Once started it runs to its end, even if the caller drops the future.
    pub(crate) async fn write<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.write_apart(input, work, move |result| drop(sender.send(result)));
        receiver.await.unwrap_or_else(|_| Err(unavailable("the write was aborted before it completed").into()))
    }

    /// Like [`Self::write`], detached from the caller; `completion` receives the result once it is durable.
    pub(crate) fn write_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
        completion: impl Done<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.write_apart(input, work, completion),
            Self::Sqlite(engine) => engine.write_apart(input, work, completion),
        }
    }

    /// Runs the work in one transaction that others of its class may share, and with it one wait for the disk. On
    /// PostgreSQL it must send all its statements before the first is answered (see [`pipeline()`]); work that sends
    /// more afterwards is run again in a transaction of its own, a little later.
    pub(crate) async fn write_together<C: Given, T: Send + 'static, E: Failure>(
        &self,
        class: Sort,
        input: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.write_together_apart(class, input, work, move |result| drop(sender.send(result)));
        receiver.await.unwrap_or_else(|_| Err(unavailable("the write was aborted before it completed").into()))
    }

    /// Like [`Self::write_grouped`], detached from the caller; `completion` receives the result once it is durable.
    pub(crate) fn write_together_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        class: Sort,
        input: C,
        work: impl Work<C, T, E>,
        completion: impl Done<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.write_together(class, input, work, completion),
            Self::Sqlite(engine) => engine.write_apart(input, work, completion),
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
