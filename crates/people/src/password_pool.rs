//! The hashing of passwords, off the threads that serve requests, and few at once.

use std::{sync::Arc, time::Duration};

use auth::{PasswordCheck, PasswordHash, PasswordHasher};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::error::PeopleError;

/// The time for which a request waits for its turn.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of requests that wait for each one that is served. Those beyond would wait in vain.
const WAITING_PER_PERMIT: usize = 64;

/// The most passwords that are hashed at once, whatever the setting: they take 19 MiB each.
const MAX_CONCURRENCY: usize = 64;

/// Hashes passwords. The memory and the processor time that it takes at once are bounded.
#[derive(Clone)]
pub(crate) struct PasswordPool {
    hasher: Arc<dyn PasswordHasher>,
    /// For everybody.
    common: ConcurrencyLimit,
    /// For those who proved something: a trusted device, a session or a link. Attackers who keep the other one full can't
    /// lock them out.
    trusted: ConcurrencyLimit,
}

/// The limit under which a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    Common,
    Trusted,
}

#[derive(Clone)]
struct ConcurrencyLimit {
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    admitted: Arc<Semaphore>,
}

impl ConcurrencyLimit {
    fn new(concurrency: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(concurrency)),
            admitted: Arc::new(Semaphore::new(concurrency * (1 + WAITING_PER_PERMIT))),
        }
    }
}

impl PasswordPool {
    /// Creates a pool that hashes `concurrency` passwords at once, at least 1, and one more for those who proved something.
    pub(crate) fn new(hasher: Arc<dyn PasswordHasher>, concurrency: usize) -> Self {
        Self {
            hasher,
            common: ConcurrencyLimit::new(concurrency.clamp(1, MAX_CONCURRENCY)),
            trusted: ConcurrencyLimit::new(1),
        }
    }

    /// Returns the hash of a new password. Only those who proved something set one.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<PasswordHash, PeopleError> {
        let hasher = Arc::clone(&self.hasher);
        self.run(Priority::Trusted, move || hasher.hash(&password)).await
    }

    /// Compares a password with a hash, or with none at the same cost.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        hash: Option<PasswordHash>,
        priority: Priority,
    ) -> Result<PasswordCheck, PeopleError> {
        let hasher = Arc::clone(&self.hasher);
        self.run(priority, move || hasher.verify(&password, hash.as_ref())).await
    }

    /// Runs other expensive work about a password.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PeopleError> {
        let limit = match priority {
            Priority::Common => &self.common,
            Priority::Trusted => &self.trusted,
        };
        // The permits move into the work: a caller who is gone does not let another one begin beside it.
        let admitted = Arc::clone(&limit.admitted).try_acquire_owned().map_err(|_| PeopleError::Busy)?;
        let running = tokio::time::timeout(WAIT_TIMEOUT, Arc::clone(&limit.running).acquire_owned())
            .await
            .map_err(|_| PeopleError::Busy)?
            .map_err(|_| PeopleError::Busy)?;
        let work = move || {
            let _permits = (admitted, running);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PeopleError::Busy)
    }
}
