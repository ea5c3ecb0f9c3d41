//! Making connections, and leaving the server alone for a moment when that fails.

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

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long after a failure the next try is made, and how long at most after several: a server that is back is found
/// within that.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// How many connections in a row may be cut while they are set up, before the database counts as away.
const CUT_AT_MOST: usize = 4;
/// After how long a peer that says nothing is taken for gone.
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

    /// A new connection. Right after a failure there is none, so that callers don't all wait for the same thing.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        if let Some(failing) = &*self.failing()
            && Instant::now() < failing.until
        {
            return Err(unavailable(failing.told.clone()));
        }
        let outcome = match timeout(CONNECTING * 2, self.open()).await {
            Ok(outcome) => outcome.map_err(of_connecting),
            Err(_) => Err(unavailable("the database takes too long to answer")),
        };
        match outcome {
            Ok(connection) => {
                *self.failing() = None;
                Ok(connection)
            }
            Err(error) => {
                let told = error.to_string();
                let mut failing = self.failing();
                let pause = failing.as_ref().map_or(PAUSE, |failing| (failing.pause * 2).min(LONGEST));
                *failing = Some(Failing { until: Instant::now() + jittered(pause), pause, told });
                Err(error)
            }
        }
    }

    /// One that was cut while it was set up says nothing of the database: the next one may live.
    async fn open(&self) -> Result<Connection, Error> {
        let mut cut = 0;
        loop {
            match Connection::open(&self.config, self.tls.clone(), &self.settings).await {
                Err(error) if was_cut(&error) && cut < CUT_AT_MOST => cut += 1,
                outcome => return outcome,
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, Option<Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there was a connection, and is none any more.
fn was_cut(error: &Error) -> bool {
    error.is_closed() || (error.as_db_error().is_some() && matches!(trouble(error), Trouble::Dead))
}

/// A list is a range of an index, in its order. A plan for any value takes a range for a few rows, and would gather and sort
/// them: all that there are, where the range holds everything. What can't but read a small table from end to end counts as
/// so dear then that it would be compiled first. So no value asks for a plan of its own, and each statement is planned once
/// in a session: planning takes longer than most of them.
pub(crate) const PLANNING: &str = "SET enable_bitmapscan = off; SET enable_seqscan = off; SET jit = off; \
                                   SET plan_cache_mode = force_generic_plan";

/// What a connection is set to. A statement that waits for a lock is no better than one that computes; and a server that
/// falls silent in a transaction gives back what it has locked.
fn settings(statement_timeout: Duration) -> String {
    let statement = statement_timeout.as_millis();
    let lock = (statement_timeout / 2).as_millis();
    let idle = SILENCE.as_millis();
    format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {idle}; {PLANNING}"
    )
}
