//! The one place that knows there are two databases: everything above it asks a [`Session`] and never looks inside.

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
use kernel::{Batches, StoreError};

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

/// A database that is open.
pub(crate) enum Engine {
    Postgres(PostgresEngine),
    Sqlite(SqliteEngine),
}

/// What is done in one session, with what it is done with. It may be run again from its start, so it has no effect but in
/// the session and its answer.
pub(crate) trait Work<C, T, E>:
    for<'s> Fn(&'s C, &'s mut Session) -> BoxFuture<'s, Result<T, E>> + Send + Sync + 'static
{
}

impl<C, T, E, W> Work<C, T, E> for W where
    W: for<'s> Fn(&'s C, &'s mut Session) -> BoxFuture<'s, Result<T, E>> + Send + Sync + 'static
{
}

/// What shares transactions with its like. On PostgreSQL one sort does not wait for what the other waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sort {
    Commit,
    /// Audit entries of calls that change nothing.
    Entries,
}

/// What work is done with.
pub(crate) trait Given: Send + Sync + 'static {}

impl<C: Send + Sync + 'static> Given for C {}

/// Takes the answer of work that nobody waits for in person.
pub(crate) trait Done<T, E>: FnOnce(Result<T, E>) + Send + 'static {}

impl<T, E, D> Done<T, E> for D where D: FnOnce(Result<T, E>) + Send + 'static {}

/// What work may fail with.
pub(crate) trait Failure: From<StoreError> + Send + 'static {}

impl<E: From<StoreError> + Send + 'static> Failure for E {}

impl Engine {
    pub(crate) async fn open(url: &DatabaseUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        Ok(match url {
            DatabaseUrl::Postgres(url) => Self::Postgres(PostgresEngine::open(url, options)?),
            DatabaseUrl::Sqlite(path) => {
                let path = path.clone();
                let opened = tokio::task::spawn_blocking(move || SqliteEngine::open(&path)).await;
                Self::Sqlite(opened.map_err(unavailable)??)
            }
        })
    }

    /// Reads, each statement in a snapshot of its own. A caller that goes away is no matter.
    pub(crate) async fn read<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Postgres(engine) => engine.read(given, work).await,
            Self::Sqlite(engine) => engine.read(given, work).await,
        }
    }

    /// Reads what one statement finds by a unique key. On SQLite that is done in place, on the calling thread, though it
    /// blocks: a descent of a tree and a row are microseconds, mostly in memory, and no more than a few pages when they are
    /// not, while handing them to a reader's thread and back costs ten times that. Whatever grows with the data is for
    /// [`Self::read`].
    pub(crate) async fn read_point<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Postgres(engine) => engine.read(given, work).await,
            Self::Sqlite(engine) => engine.read_point(given, work).await,
        }
    }

    /// Whether the database runs within this process, so that calls gain nothing by sharing a statement.
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Reads, though nobody waits in person; `done` takes the answer.
    pub(crate) fn read_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.read_apart(given, work, done),
            Self::Sqlite(engine) => engine.read_apart(given, work, done),
        }
    }

    /// Begins to read on a connection of its own, in one snapshot, which is taken when this returns and held until what it
    /// returns is dropped. There are few such connections.
    pub(crate) async fn stream<T: Send + 'static>(
        &self,
        sql: Arc<Sql>,
        values: Vec<Value<'static>>,
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Box<dyn Batches<T>>, StoreError> {
        let query = StreamedQuery { sql, values, read };
        Ok(match self {
            Self::Postgres(engine) => Box::new(engine.stream(query).await?),
            Self::Sqlite(engine) => Box::new(engine.stream(query).await?),
        })
    }

    /// Keeps everybody from writing, other processes included, as long as what it returns is there. PostgreSQL has nothing of
    /// the sort that a distributed one has as well.
    pub(crate) async fn hold(&self) -> Result<Option<Hold>, StoreError> {
        match self {
            Self::Postgres(_) => Ok(None),
            Self::Sqlite(engine) => engine.hold().await.map(Some),
        }
    }

    /// Copies the database as it is now to a file, whoever reads and writes meanwhile. PostgreSQL has a program for that.
    pub(crate) async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        match self {
            Self::Postgres(_) => Err(unavailable("PostgreSQL is backed up with pg_dump")),
            Self::Sqlite(engine) => engine.back_up(to).await,
        }
    }

    /// Looks whether every page and index of a SQLite file is in order. Nobody else may have it open.
    pub(crate) async fn examine(file: &Path) -> Result<(), StoreError> {
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || sqlite::examine(&file)).await.map_err(unavailable)?
    }

    /// Runs the work in one transaction: what it did is stored when it answers `Ok`, and none of it when it answers `Err`.
    /// Once called it runs to its end, though the caller goes away.
    pub(crate) async fn write<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.write_apart(given, work, move |result| drop(answer.send(result)));
        answered.await.unwrap_or_else(|_| Err(unavailable("the write was lost: it broke off").into()))
    }

    /// The same, though nobody waits in person; `done` takes the answer once it is durable.
    pub(crate) fn write_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.write_apart(given, work, done),
            Self::Sqlite(engine) => engine.write_apart(given, work, done),
        }
    }

    /// Runs the work in one transaction that others of its sort may share, and with it one wait for the disk. On PostgreSQL
    /// all its statements are to be asked for before the first is answered (see [`in_order`]); work that asks for more after
    /// that comes to a transaction of its own, a little later.
    pub(crate) async fn write_together<C: Given, T: Send + 'static, E: Failure>(
        &self,
        sort: Sort,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.write_together_apart(sort, given, work, move |result| drop(answer.send(result)));
        answered.await.unwrap_or_else(|_| Err(unavailable("the write was lost: it broke off").into()))
    }

    /// The same, though nobody waits in person; `done` takes the answer once it is durable.
    pub(crate) fn write_together_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        sort: Sort,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        match self {
            Self::Postgres(engine) => engine.write_together(sort, given, work, done),
            Self::Sqlite(engine) => engine.write_apart(given, work, done),
        }
    }

    /// Finishes what is under way and lets go of the database.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(engine) => engine.close().await,
            Self::Sqlite(engine) => engine.close().await,
        }
    }
}
