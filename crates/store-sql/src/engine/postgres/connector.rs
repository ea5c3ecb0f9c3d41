//! Opening connections, with a back-off after failures.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::StoreError;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Config, Error, config::SslMode};

use super::{
    backoff::jittered,
    connection::Connection,
    tls::{Tls, is_handshake_failure},
};
use crate::engine::{
    failure::{FailureClass, classify, error_chain, from_connect_error},
    location::{DatabaseOptions, PostgresKind, PostgresUrl},
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
    /// The same without encryption, if connections may do without it.
    unencrypted: Option<Config>,
    /// Whether a connection without encryption was logged.
    logged_unencrypted: AtomicBool,
    tls: Tls,
    settings: String,
    /// The longest time that a connection may be silent for while an answer is due.
    max_silence: Duration,
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
        let unencrypted = (config.get_ssl_mode() == SslMode::Prefer).then(|| {
            let mut unencrypted = config.clone();
            unencrypted.ssl_mode(SslMode::Disable);
            unencrypted
        });
        Ok(Self {
            config,
            unencrypted,
            logged_unencrypted: AtomicBool::new(false),
            tls: Tls::new(&url.security)?,
            settings: settings(options),
            max_silence: options.client_timeout(),
            last_failure: Mutex::new(None),
        })
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

    /// Opens a connection, without encryption if it may do without and the encrypted one was refused.
    async fn open(&self) -> Result<Connection, Error> {
        match (self.open_with(&self.config).await, &self.unencrypted) {
            (Err(error), Some(unencrypted)) if refuses_encryption(&error) => {
                let connection = self.open_with(unencrypted).await?;
                if !self.logged_unencrypted.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "connections to the database are not encrypted, because the encrypted one failed ({}): set \
                         sslmode=require in the URL to refuse them, or sslmode=disable to skip the attempt",
                        error_chain(&error)
                    );
                }
                Ok(connection)
            }
            (outcome, _) => outcome,
        }
    }

    /// Opens a connection, retrying when it is reset during setup, which does not mean that the database is
    /// unavailable.
    async fn open_with(&self, config: &Config) -> Result<Connection, Error> {
        let mut resets = 0;
        loop {
            match Connection::open(config, self.tls.clone(), &self.settings, self.max_silence).await {
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

/// Whether the server may accept the connection without encryption: the handshake failed, or no rule of the server
/// allows encrypted connections (28000).
fn refuses_encryption(error: &Error) -> bool {
    is_handshake_failure(error) || error.as_db_error().is_some_and(|database| database.code().code() == "28000")
}

/// Planner settings of every session. A list reads a range of an index in its order. A generic plan estimates few rows
/// for a range and would fetch and sort them all, even where the range holds the whole table; hence no bitmap scans.
/// With sequential scans disabled, a query that must scan a small table gets a cost so high that PostgreSQL would
/// JIT-compile it; hence `jit = off`.
pub(crate) const PLANNER_SETTINGS: &str = "SET enable_bitmapscan = off; SET enable_seqscan = off; SET jit = off";

/// Plans each statement once per session, for any values: with [`PLANNER_SETTINGS`] no value needs a plan of its own,
/// and planning takes longer than running most statements. A distributed database needs the values, since they
/// determine the node that a statement runs on.
const GENERIC_PLANS: &str = "SET plan_cache_mode = force_generic_plan";

/// Does the same unless the database is distributed.
const GENERIC_PLANS_UNLESS_DISTRIBUTED: &str = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false) \
                                                WHERE NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')";

/// The session settings of a connection. A statement may wait for a lock for half the statement timeout. PostgreSQL
/// ends a transaction whose client is silent for [`TCP_TIMEOUT`], which releases its locks.
fn settings(options: &DatabaseOptions) -> String {
    let statement = options.statement_timeout.as_millis();
    let lock = (options.statement_timeout / 2).as_millis();
    let idle = TCP_TIMEOUT.as_millis();
    let plans = match options.kind {
        PostgresKind::Detected => GENERIC_PLANS_UNLESS_DISTRIBUTED,
        PostgresKind::Single => GENERIC_PLANS,
        PostgresKind::Distributed => "",
    };
    format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {idle}; {PLANNER_SETTINGS}; {plans}"
    )
}

#[cfg(test)]
mod tests {
    use postgres_cluster::TestDatabase;

    use super::*;

    async fn plan_cache_mode(database: &TestDatabase, kind: PostgresKind) -> String {
        let options = DatabaseOptions { kind, ..DatabaseOptions::default() };
        let url = PostgresUrl::parse(&database.url()).unwrap();
        let connection = Connector::new(&url, &options).unwrap().connect().await.unwrap();
        let statement = connection.prepare_cached(&"SHOW plan_cache_mode".into()).await.unwrap();
        let mut rows = std::pin::pin!(connection.query(&statement, &[]).await.unwrap());
        futures_util::TryStreamExt::try_next(&mut rows).await.unwrap().unwrap().get(0)
    }

    #[tokio::test]
    async fn generic_plans_are_forced_unless_the_database_is_distributed() {
        let database = TestDatabase::create().await;
        let (generic, automatic) = ("force_generic_plan", "auto");
        for (kind, mode) in
            [(PostgresKind::Detected, generic), (PostgresKind::Single, generic), (PostgresKind::Distributed, automatic)]
        {
            assert_eq!(plan_cache_mode(&database, kind).await, mode, "{kind:?}");
        }
        // The extension can't be installed here, but it is recognized by its entry in the catalogue.
        let extension = "INSERT INTO pg_extension SELECT 99999, 'citus', extowner, extnamespace, false, '13.2' \
                         FROM pg_extension WHERE extname = 'plpgsql'";
        database.connect().await.batch_execute(extension).await.unwrap();
        assert_eq!(plan_cache_mode(&database, PostgresKind::Detected).await, automatic);
        assert_eq!(plan_cache_mode(&database, PostgresKind::Single).await, generic, "the operator decides");
    }
}
