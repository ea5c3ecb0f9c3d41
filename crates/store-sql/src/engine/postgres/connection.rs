//! A connection and its prepared statements.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{task::AbortHandle, time::timeout};
use tokio_postgres::{Client, Config, Error, RowStream, Statement};

use super::{parameters::Parameter, prepared_statements::PreparedStatements, tls::Tls};
use crate::engine::{failure::error_chain, pipeline::poll_once};

/// A connection to the server. Many callers may use it at once; statements are answered in the order in which they were
/// sent.
pub(super) struct Connection {
    client: Client,
    driver: AbortHandle,
    prepared_statements: Mutex<PreparedStatements>,
    /// The longest time without an answer while one is due.
    max_silence: Duration,
    /// The number of answers so far.
    answers: AtomicU64,
}

impl Connection {
    /// Opens a connection and applies the session settings. The task that drives it ends by itself when the connection
    /// is dropped or the server closes it.
    pub(super) async fn open(config: &Config, tls: Tls, settings: &str, max_silence: Duration) -> Result<Self, Error> {
        let (client, driver) = config.connect(tls).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::warn!("a connection to the database was lost: {}", error_chain(&error));
            }
        });
        client.batch_execute(settings).await?;
        Ok(Self {
            client,
            driver: driver.abort_handle(),
            prepared_statements: Mutex::default(),
            max_silence,
            answers: AtomicU64::default(),
        })
    }

    /// Closes the connection immediately, even if statements are unanswered.
    pub(super) fn abort(&self) {
        self.driver.abort();
    }

    /// Waits for the answer to a statement that was sent. The server ends each statement in time by itself; one that
    /// answers nothing for longer is gone, or cut off, and the connection is closed, with which all its statements fail.
    pub(super) async fn answered<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut answer = std::pin::pin!(answer);
        // Of a page, most rows have arrived together with the first.
        if let Poll::Ready(result) = poll_once(&mut answer).await {
            self.answers.fetch_add(1, Ordering::Relaxed);
            return result;
        }
        loop {
            let before = self.answers.load(Ordering::Relaxed);
            if let Ok(result) = timeout(self.max_silence, &mut answer).await {
                self.answers.fetch_add(1, Ordering::Relaxed);
                return result;
            }
            if self.answers.load(Ordering::Relaxed) == before {
                tracing::warn!(
                    "the database did not answer for {} s: closing the connection",
                    self.max_silence.as_secs()
                );
                self.abort();
                return answer.await;
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) async fn prepare_cached(&self, text: &Arc<str>) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared_statements().get(text) {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await?;
        self.prepared_statements().insert(text, statement.clone());
        Ok(statement)
    }

    /// Removes a prepared statement from the cache, so that its next use prepares it again.
    pub(super) fn evict_prepared(&self, text: &Arc<str>) {
        self.prepared_statements().remove(text);
    }

    /// Runs a prepared query. The query is sent on the first poll.
    pub(super) async fn query(&self, statement: &Statement, values: &[Parameter<'_>]) -> Result<RowStream, Error> {
        self.client.query_raw(statement, values.iter().copied()).await
    }

    /// Runs a prepared statement without reading rows. Returns the number of affected rows.
    pub(super) async fn execute(&self, statement: &Statement, values: &[Parameter<'_>]) -> Result<u64, Error> {
        self.client.execute_raw(statement, values.iter().copied()).await
    }

    /// Runs statements without parameters. They are sent on the first poll.
    pub(super) async fn run_script(&self, script: &str) -> Result<(), Error> {
        self.client.batch_execute(script).await
    }

    fn prepared_statements(&self) -> MutexGuard<'_, PreparedStatements> {
        self.prepared_statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
