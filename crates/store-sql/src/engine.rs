//! The one place that knows there are two databases: everything above it asks a [`Session`] and never looks inside.

mod bulk;
mod cells;
mod failure;
mod postgres;
mod session;
mod sql;
mod sqlite;
mod value;

use futures_util::future::BoxFuture;
use kernel::StoreError;

pub(crate) use bulk::{Bulk, Cell, Column};
pub(crate) use cells::Cells;
pub(crate) use failure::{corrupt, unavailable};
pub(crate) use session::{Script, Session};
pub(crate) use sql::Sql;
pub(crate) use value::Value;

use crate::location::DatabaseUrl;
use postgres::PostgresEngine;
use sqlite::SqliteEngine;

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
    pub(crate) async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Ok(match url {
            DatabaseUrl::Postgres(options) => Self::Postgres(PostgresEngine::open(options)),
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

    /// Whether point reads are done in place, so that calls gain nothing by sharing one.
    pub(crate) fn reads_in_place(&self) -> bool {
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

    /// Finishes what is under way and lets go of the database.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(engine) => engine.close().await,
            Self::Sqlite(engine) => engine.close().await,
        }
    }
}
