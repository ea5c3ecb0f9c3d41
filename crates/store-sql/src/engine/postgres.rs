//! PostgreSQL, over few connections. Reads share some, many under way on each; transactions have one to themselves, in which
//! statements go out before those ahead of them are answered, and many writes share a transaction.

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
    /// Connects when it is first needed.
    pub(super) fn open(url: &PostgresUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        let dial = Arc::new(Dial::new(url, options)?);
        let patience = options.patience();
        let writers = |count| Arc::new(Writers::new(Arc::clone(&dial), count));
        let commits = Lane::over(writers(options.single_commits()), writers(options.shared_commits()), patience);
        let (entries, upkeep) = (writers(1), writers(options.upkeep()));
        let readers = Readers::new(Arc::clone(&dial), options);
        Ok(Self {
            commits,
            entries: Lane::over(Arc::clone(&entries), entries, patience),
            upkeep: Lane::over(Arc::clone(&upkeep), upkeep, patience),
            parts: Arc::new(Parts { options: *options, dial, readers, streams: Places::default() }),
        })
    }

    pub(super) async fn read<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let readers = &self.parts.readers;
        let _place = readers.gate.enter(Instant::now() + self.parts.options.patience()).await?;
        let mut attempts = Attempts::default();
        loop {
            let connection = readers.pick().await?;
            let mut session = session_on(&connection);
            // The server ends a statement in time; a server that doesn't is not there any more.
            let Ok(answer) = timeout(self.parts.options.patience(), work(&given, &mut session)).await else {
                readers.retire(&connection);
                return Err(unavailable("the database takes too long to answer").into());
            };
            if !session.trouble().is_some_and(Trouble::passes) || !attempts.again().await {
                return answer;
            }
        }
    }

    pub(super) fn read_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        let engine = self.clone();
        tokio::spawn(async move { done(engine.read(given, work).await) });
    }

    pub(super) fn write_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        self.upkeep.alone(Box::new(Task::new(given, work, done)));
    }

    pub(super) fn write_together<C: Given, T: Send + 'static, E: Failure>(
        &self,
        sort: Sort,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        let lane = match sort {
            Sort::Commit => &self.commits,
            Sort::Entries => &self.entries,
        };
        lane.together(Box::new(Task::new(given, work, done)));
    }

    pub(super) async fn stream<T: Send + 'static>(&self, query: StreamedQuery<T>) -> Result<Taking<T>, StoreError> {
        let place = self.parts.streams.take().await?;
        stream::open(&self.parts.dial, query, place).await
    }

    pub(super) async fn close(&self) {
        for lane in [&self.commits, &self.entries, &self.upkeep] {
            lane.close().await;
        }
        self.parts.readers.close().await;
    }
}

fn session_on(connection: &Arc<Connection>) -> Session {
    Session::Postgres(PostgresSession::on(Arc::new(Line::on(Arc::clone(connection)))))
}

impl Session {
    /// What befell the statements, where it matters to others.
    fn trouble(&self) -> Option<Trouble> {
        if let Self::Postgres(session) = self { session.trouble() } else { None }
    }
}
