//! Opening connections, with a back-off after failures.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::StoreError;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Config, Error};

use super::{backoff::jittered, connection::Connection, tls::Tls};
use crate::{
    engine::{
        failure::{Trouble, of_connecting, trouble},
        unavailable,
    },
    location::{DatabaseOptions, PostgresUrl},
};

/// The timeout of a TCP connect.
const CONNECTING: Duration = Duration::from_secs(5);
/// The delay before the first retry after a failure.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest delay between retries, within which a server that is back is found.
const LONGEST: Duration = Duration::from_secs(1);
/// How many connections in a row may be reset during setup before the database counts as unavailable.
const CUT_AT_MOST: usize = 4;
/// How long a peer may be silent before it counts as gone.
const SILENCE: Duration = Duration::from_secs(10);

pub(super) struct Dial {
    config: Config,
    tls: Tls,
    settings: String,
    failing: Mutex<Option<Failing>>,
}

struct Failing {
    until: Instant,
    pause: Duration,
    told: String,
}

impl Dial {
    pub(super) fn new(url: &PostgresUrl, options: &DatabaseOptions) -> Result<Self, StoreError> {
        let mut config = url.config.clone();
        if config.get_application_name().is_none() {
            config.application_name("novantra");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECTING);
        }
        config
            .keepalives_idle(SILENCE)
            .keepalives_interval(SILENCE / 5)
            .keepalives_retries(3)
            .tcp_user_timeout(SILENCE);
        let settings = settings(options.statement_timeout);
        Ok(Self { config, tls: Tls::of(&url.security)?, settings, failing: Mutex::new(None) })
    }

    /// Opens a new connection. Shortly after a failure it returns that failure at once, so that callers don't all wait
    /// for the same timeout.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        if let Some(failing) = &*self.failing()
            && Instant::now() < failing.until
        {
            return Err(unavailable(failing.told.clone()));
        }
        let outcome = match timeout(CONNECTING * 2, self.open()).await {
            Ok(outcome) => outcome.map_err(of_connecting),
            Err(_) => Err(unavailable("the database did not answer in time")),
        };
        match outcome {
            Ok(connection) => {
                *self.failing() = None;
                Ok(connection)
            }
            Err(error) => {
                let message = error.to_string();
                let mut failing = self.failing();
                let delay = failing.as_ref().map_or(PAUSE, |failing| (failing.pause * 2).min(LONGEST));
                *failing = Some(Failing { until: Instant::now() + jittered(delay), pause: delay, told: message });
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
                Err(error) if was_cut(&error) && resets < CUT_AT_MOST => resets += 1,
                outcome => return outcome,
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, Option<Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the connection was established and then closed by the server.
fn was_cut(error: &Error) -> bool {
    error.is_closed() || (error.as_db_error().is_some() && matches!(trouble(error), Trouble::Dead))
}

/// Planner settings of every session. A list reads a range of an index in its order. A generic plan estimates few rows
/// for a range and would fetch and sort them all, even where the range holds the whole table; hence no bitmap scans.
/// With sequential scans disabled, a query that must scan a small table gets a cost so high that PostgreSQL would
/// JIT-compile it; hence `jit = off`. With these settings no parameter value needs a plan of its own, so each statement
/// is planned once per session: planning takes longer than running most of them.
pub(crate) const PLANNING: &str = "SET enable_bitmapscan = off; SET enable_seqscan = off; SET jit = off; \
                                   SET plan_cache_mode = force_generic_plan";

/// The session settings of a connection. A statement may wait for a lock for half the statement timeout. PostgreSQL
/// ends a transaction whose client is silent for [`TCP_TIMEOUT`], which releases its locks.
fn settings(statement_timeout: Duration) -> String {
    let statement = statement_timeout.as_millis();
    let lock = (statement_timeout / 2).as_millis();
    let idle = SILENCE.as_millis();
    format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {idle}; {PLANNING}"
    )
}
