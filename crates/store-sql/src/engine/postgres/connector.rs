//! Opening connections, with a back-off after failures.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::StoreError;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Config, Error};

use super::{backoff::jittered, connection::Connection, tls::Tls};
use crate::engine::{
    failure::{FailureClass, classify, from_connect_error},
    location::{DatabaseOptions, PostgresUrl},
    unavailable,
};

/// The timeout of a TCP connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The delay before the first retry after a failure.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// The longest delay between retries, within which a server that is back is found.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The number of connections in a row that may be reset during setup before the database counts as unavailable.
const MAX_RESETS: usize = 4;
/// The time for which a peer may be silent before it counts as gone.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Connector {
    config: Config,
    tls: Tls,
    settings: String,
    last_failure: Mutex<Option<LastFailure>>,
}

struct LastFailure {
    retry_at: Instant,
    delay: Duration,
    message: String,
}

impl Connector {
    pub(super) fn new(url: &PostgresUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        let mut config = url.config.clone();
        if config.get_application_name().is_none() {
            config.application_name("novantra");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config
            .keepalives_idle(TCP_TIMEOUT)
            .keepalives_interval(TCP_TIMEOUT / 5)
            .keepalives_retries(3)
            .tcp_user_timeout(TCP_TIMEOUT);
        let settings = settings(options.statement_timeout);
        Ok(Self { config, tls: Tls::new(&url.security)?, settings, last_failure: Mutex::new(None) })
    }

    /// Opens a new connection. Shortly after a failure it returns that failure at once, so that callers don't all wait
    /// for the same timeout.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        if let Some(failing) = &*self.last_failure()
            && Instant::now() < failing.retry_at
        {
            return Err(unavailable(failing.message.clone()));
        }
        let outcome = match timeout(CONNECT_TIMEOUT * 2, self.open()).await {
            Ok(outcome) => outcome.map_err(from_connect_error),
            Err(_) => Err(unavailable("the database did not answer in time")),
        };
        match outcome {
            Ok(connection) => {
                *self.last_failure() = None;
                Ok(connection)
            }
            Err(error) => {
                let message = error.to_string();
                let mut failing = self.last_failure();
                let delay = failing.as_ref().map_or(RETRY_DELAY, |failing| (failing.delay * 2).min(MAX_RETRY_DELAY));
                *failing = Some(LastFailure { retry_at: Instant::now() + jittered(delay), delay, message });
                Err(error)
            }
        }
    }

    /// Opens a connection, retrying when it is reset during setup, which does not mean that the database is
    /// unavailable.
    async fn open(&self) -> Result<Connection, Error> {
        let mut resets = 0;
        loop {
            match Connection::open(&self.config, self.tls.clone(), &self.settings).await {
                Err(error) if was_reset(&error) && resets < MAX_RESETS => resets += 1,
                outcome => return outcome,
            }
        }
    }

    fn last_failure(&self) -> MutexGuard<'_, Option<LastFailure>> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the connection was established and then closed by the server.
fn was_reset(error: &Error) -> bool {
    error.is_closed() || (error.as_db_error().is_some() && matches!(classify(error), FailureClass::ConnectionLost))
}

/// Planner settings of every session. A list reads a range of an index in its order. A generic plan estimates few rows
/// for a range and would fetch and sort them all, even where the range holds the whole table; hence no bitmap scans.
/// With sequential scans disabled, a query that must scan a small table gets a cost so high that PostgreSQL would
/// JIT-compile it; hence `jit = off`. With these settings no parameter value needs a plan of its own, so each statement
/// is planned once per session: planning takes longer than running most of them.
pub(crate) const PLANNER_SETTINGS: &str = "SET enable_bitmapscan = off; SET enable_seqscan = off; SET jit = off; \
                                   SET plan_cache_mode = force_generic_plan";

/// The session settings of a connection. A statement may wait for a lock for half the statement timeout. PostgreSQL
/// ends a transaction whose client is silent for [`TCP_TIMEOUT`], which releases its locks.
fn settings(statement_timeout: Duration) -> String {
    let statement = statement_timeout.as_millis();
    let lock = (statement_timeout / 2).as_millis();
    let idle = TCP_TIMEOUT.as_millis();
    format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {idle}; {PLANNER_SETTINGS}"
    )
}
