//! The PostgreSQL engine, with few connections. Reads share some connections, with many reads in flight on each. Each
//! transaction has a connection of its own, on which statements are pipelined, and many writes share a transaction.

mod backoff;
mod connection;
mod dial;
mod encrypted;
mod gate;
mod job;
mod lane;
mod parameters;
mod readers;
mod session;
mod statements;
mod stream;
mod tls;
mod transaction;
mod writers;

use std::sync::Arc;

use kernel::StoreError;
use tokio::time::{Instant, timeout};

use super::{
    Done, Failure, Given, Session, Sort, Work,
    failure::Trouble,
    streams::{Places, StreamedQuery, Taking},
    task::Task,
    unavailable,
};
use crate::location::{DatabaseOptions, PostgresUrl};
use backoff::Attempts;
use connection::Connection;
use dial::Dial;
#[cfg(test)]
pub(crate) use dial::PLANNING;
use lane::Lane;
use readers::Readers;
use session::Line;
pub(super) use session::PostgresSession;
use writers::Writers;

#[derive(Clone)]
pub(crate) struct PostgresEngine {
    parts: Arc<Parts>,
    commits: Arc<Lane>,
    entries: Arc<Lane>,
    upkeep: Arc<Lane>,
}

struct Parts {
    options: DatabaseOptions,
    dial: Arc<Dial>,
    readers: Readers,
    streams: Places,
}

impl PostgresEngine {
    /// Creates the engine. Connections are opened when they are first needed.
    pub(super) fn open(url: &PostgresUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        let connector = Arc::new(Dial::new(url, options)?);
        let job_timeout = options.patience();
        let writers = |count| Arc::new(Writers::new(Arc::clone(&connector), count));
        let commits = Lane::over(writers(options.single_commits()), writers(options.shared_commits()), job_timeout);
        let (entries_pool, other_pool) = (writers(1), writers(options.upkeep()));
        let read_pool = Readers::new(Arc::clone(&connector), options);
        Ok(Self {
            commits,
            entries: Lane::over(Arc::clone(&entries_pool), entries_pool, job_timeout),
            upkeep: Lane::over(Arc::clone(&other_pool), other_pool, job_timeout),
            parts: Arc::new(Parts {
                options: *options,
                dial: connector,
                readers: read_pool,
                streams: Places::default(),
            }),
        })
    }

    pub(super) async fn read<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let read_pool = &self.parts.readers;
        let _permit = read_pool.gate.enter(Instant::now() + self.parts.options.patience()).await?;
        let mut attempts = Attempts::default();
        loop {
            let connection = read_pool.pick().await?;
            let mut session = session_on(&connection);
            // The server enforces the statement timeout; a server that does not answer in time is gone.
            let Ok(answer) = timeout(self.parts.options.patience(), work(&input, &mut session)).await else {
                read_pool.retire(&connection);
                return Err(unavailable("the database did not answer in time").into());
            };
            if !session.trouble().is_some_and(Trouble::passes) || !attempts.again().await {
                return answer;
            }
        }
    }

    pub(super) fn read_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
        completion: impl Done<T, E>,
    ) {
        let engine = self.clone();
        tokio::spawn(async move { completion(engine.read(input, work).await) });
    }

    pub(super) fn write_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        input: C,
        work: impl Work<C, T, E>,
        completion: impl Done<T, E>,
    ) {
        self.upkeep.alone(Box::new(Task::new(input, work, completion)));
    }

    pub(super) fn write_together<C: Given, T: Send + 'static, E: Failure>(
        &self,
        class: Sort,
        input: C,
        work: impl Work<C, T, E>,
        completion: impl Done<T, E>,
    ) {
        let group_commit = match class {
            Sort::Commit => &self.commits,
            Sort::Entries => &self.entries,
        };
        group_commit.together(Box::new(Task::new(input, work, completion)));
    }

    pub(super) async fn stream<T: Send + 'static>(&self, query: StreamedQuery<T>) -> Result<Taking<T>, StoreError> {
        let permit = self.parts.streams.take().await?;
        stream::open(&self.parts.dial, query, permit).await
    }

    pub(super) async fn close(&self) {
        for group_commit in [&self.commits, &self.entries, &self.upkeep] {
            group_commit.close().await;
        }
        self.parts.readers.close().await;
    }
}

fn session_on(connection: &Arc<Connection>) -> Session {
    Session::Postgres(PostgresSession::on(Arc::new(Line::on(Arc::clone(connection)))))
}

impl Session {
    /// The first failure of the session's statements on PostgreSQL.
    fn trouble(&self) -> Option<Trouble> {
        if let Self::Postgres(session) = self { session.trouble() } else { None }
    }
}
