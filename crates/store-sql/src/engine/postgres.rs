//! The PostgreSQL engine, with few connections. Reads share some connections, with many reads in flight on each. Each
//! transaction has a connection of its own, on which statements are pipelined, and many writes share a transaction.

mod backoff;
mod concurrency_limit;
mod connection;
mod connector;
mod group_commit;
mod job;
mod parameters;
mod prepared_statements;
mod read_pool;
mod session;
mod stream;
mod tls;
mod tls_socket;
mod transaction;
mod write_pool;

use std::sync::{Arc, OnceLock};

use kernel::StoreError;
use tokio::time::{Instant, timeout, timeout_at};

use super::location::{DatabaseOptions, PostgresUrl};
use super::{
    CommitClass, Completion, Input, Session, SessionFn, WorkError,
    failure::FailureClass,
    job::Job,
    streams::{BatchReceiver, StreamPermit, StreamSemaphore, StreamedQuery},
    unavailable,
};
use backoff::Attempts;
use connection::Connection;
use connector::Connector;
#[cfg(test)]
pub(crate) use connector::PLANNER_SETTINGS;
use group_commit::GroupCommit;
use read_pool::ReadPool;
use session::Pipeline;
pub(super) use session::PostgresSession;
use write_pool::WritePool;

#[derive(Clone)]
pub(crate) struct PostgresEngine {
    parts: Arc<Parts>,
    commits: Arc<GroupCommit>,
    audit_entries: Arc<GroupCommit>,
    other_writes: Arc<GroupCommit>,
}

struct Parts {
    options: DatabaseOptions,
    connector: Arc<Connector>,
    read_pool: ReadPool,
    stream_semaphore: StreamSemaphore,
    /// Why no more work is accepted, if none is.
    refusal: OnceLock<String>,
}

impl PostgresEngine {
    /// Creates the engine. Connections are opened when they are first needed.
    pub(super) fn open(url: &PostgresUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        let connector = Arc::new(Connector::new(url, options)?);
        let job_timeout = options.client_timeout();
        let writers = |count| Arc::new(WritePool::new(Arc::clone(&connector), count));
        let commits =
            GroupCommit::new(writers(options.single_commits()), writers(options.grouped_commits()), job_timeout);
        let (entries_pool, other_pool) = (writers(1), writers(options.other_transactions()));
        let read_pool = ReadPool::new(Arc::clone(&connector), options);
        Ok(Self {
            commits,
            audit_entries: GroupCommit::new(Arc::clone(&entries_pool), entries_pool, job_timeout),
            other_writes: GroupCommit::new(Arc::clone(&other_pool), other_pool, job_timeout),
            parts: Arc::new(Parts {
                options: *options,
                connector,
                read_pool,
                stream_semaphore: StreamSemaphore::default(),
                refusal: OnceLock::new(),
            }),
        })
    }

    /// Refuses all further work with this reason.
    pub(super) fn refuse_work(&self, reason: &str) {
        // The first reason stays.
        let _ = self.parts.refusal.set(reason.to_owned());
    }

    fn check_accepts_work(&self) -> Result<(), StoreError> {
        self.parts.refusal.get().map_or(Ok(()), |reason| Err(unavailable(reason.clone())))
    }

    pub(super) async fn read<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        self.check_accepts_work()?;
        let read_pool = &self.parts.read_pool;
        let deadline = Instant::now() + self.parts.options.client_timeout();
        let _permit = read_pool.limit.acquire(deadline).await?;
        let mut attempts = Attempts::default();
        loop {
            let connection = timeout_at(deadline, read_pool.connection()).await;
            let connection = connection.map_err(|_| unavailable("the database accepts no connection in time"))??;
            let mut session = session_on(&connection);
            // The server enforces the statement timeout; a server that does not answer in time is gone.
            let Ok(result) = timeout(self.parts.options.client_timeout(), work(&input, &mut session)).await else {
                read_pool.discard(&connection);
                return Err(unavailable("the database did not answer in time").into());
            };
            if !session.first_failure().is_some_and(FailureClass::is_transient) || !attempts.wait_for_retry().await {
                return result;
            }
        }
    }

    pub(super) fn spawn_read<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        let engine = self.clone();
        tokio::spawn(async move { completion(engine.read(input, work).await) });
    }

    pub(super) fn spawn_write<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        if let Err(error) = self.check_accepts_work() {
            return completion(Err(error.into()));
        }
        self.other_writes.submit(Box::new(Job::new(input, work, completion)));
    }

    pub(super) fn spawn_write_grouped<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        class: CommitClass,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        if let Err(error) = self.check_accepts_work() {
            return completion(Err(error.into()));
        }
        let group_commit = match class {
            CommitClass::Commit => &self.commits,
            CommitClass::AuditEntries => &self.audit_entries,
        };
        group_commit.submit_grouped(Box::new(Job::new(input, work, completion)));
    }

    pub(super) async fn stream<T: Send + 'static>(
        &self,
        query: StreamedQuery<T>,
    ) -> Result<BatchReceiver<T>, StoreError> {
        self.check_accepts_work()?;
        let permit = self.parts.stream_semaphore.acquire().await?;
        stream::open(&self.parts.connector, query, permit).await
    }

    pub(super) async fn stream_permit(&self) -> Result<StreamPermit, StoreError> {
        self.check_accepts_work()?;
        self.parts.stream_semaphore.acquire().await
    }

    pub(super) async fn close(&self) {
        for group_commit in [&self.commits, &self.audit_entries, &self.other_writes] {
            group_commit.close().await;
        }
        self.parts.read_pool.close().await;
    }
}

fn session_on(connection: &Arc<Connection>) -> Session {
    Session::Postgres(PostgresSession::new(Arc::new(Pipeline::new(Arc::clone(connection)))))
}

impl Session {
    /// The first failure of the session's statements on PostgreSQL.
    fn first_failure(&self) -> Option<FailureClass> {
        if let Self::Postgres(session) = self { session.first_failure() } else { None }
    }
}
