//! The hashing of passwords, off the threads that serve requests, and few at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth::{PasswordCheck, PasswordHash, PasswordHasher};
use secrecy::SecretString;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    error::PeopleError,
    observer::{HashingPriority, PeopleObserver},
};

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
    observer: Arc<dyn PeopleObserver>,
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

    /// Waits for a turn; `None` if too many wait already or it takes too long.
    async fn acquire(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().ok()?;
        let running = timeout(WAIT_TIMEOUT, Arc::clone(&self.running).acquire_owned()).await.ok()?.ok()?;
        Some([admitted, running])
    }
}

impl PasswordPool {
    /// Creates a pool that hashes `concurrency` passwords at once, at least 1, and as many more for those who proved
    /// something.
    pub(crate) fn new(hasher: Arc<dyn PasswordHasher>, concurrency: usize, observer: Arc<dyn PeopleObserver>) -> Self {
        let limit = || ConcurrencyLimit::new(concurrency.clamp(1, MAX_CONCURRENCY));
        Self { hasher, common: limit(), trusted: limit(), observer }
    }

    /// Returns the hash of a new password. Only those who proved something set one.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<PasswordHash, PeopleError> {
        let hasher = Arc::clone(&self.hasher);
        self.run(HashingPriority::Trusted, move || hasher.hash(&password)).await
    }

    /// Compares a password with a hash, or with none at the same cost.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        hash: Option<PasswordHash>,
        priority: HashingPriority,
    ) -> Result<PasswordCheck, PeopleError> {
        let hasher = Arc::clone(&self.hasher);
        self.run(priority, move || hasher.verify(&password, hash.as_ref())).await
    }

    /// Runs other expensive work about a password.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        priority: HashingPriority,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PeopleError> {
        let limit = match priority {
            HashingPriority::Common => &self.common,
            HashingPriority::Trusted => &self.trusted,
        };
        // The duration of a wait is not domain time: the wall clock is too coarse for it and may step.
        let began = Instant::now();
        let permits = limit.acquire().await;
        self.observer.record_hashing_wait(priority, began.elapsed(), permits.is_some());
        // The permits move into the work: a caller who is gone does not let another one begin beside it.
        let permits = permits.ok_or(PeopleError::Busy)?;
        let work = move || {
            let _permits = permits;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PeopleError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// A hasher whose calls wait for each other until `expected` run at once, or for ten seconds.
    struct Meeting {
        expected: usize,
        running: Mutex<usize>,
        changed: Condvar,
    }

    impl PasswordHasher for Meeting {
        fn hash(&self, _: &SecretString) -> PasswordHash {
            let mut running = self.running.lock().unwrap();
            *running += 1;
            self.changed.notify_all();
            let met = |running: &mut usize| *running < self.expected;
            let (running, _) = self.changed.wait_timeout_while(running, Duration::from_secs(10), met).unwrap();
            PasswordHash::new(if *running >= self.expected { "met" } else { "alone" })
        }

        fn verify(&self, password: &SecretString, _: Option<&PasswordHash>) -> PasswordCheck {
            if self.hash(password).as_str() == "met" { PasswordCheck::Right } else { PasswordCheck::Wrong }
        }
    }

    #[derive(Default)]
    struct Waits(Mutex<Vec<(HashingPriority, bool)>>);

    impl PeopleObserver for Waits {
        fn record_step(&self, _: crate::SignInStep) {}

        fn record_hashing_wait(&self, priority: HashingPriority, _: Duration, is_hashed: bool) {
            self.0.lock().unwrap().push((priority, is_hashed));
        }
    }

    fn pool(concurrency: usize, expected: usize) -> (PasswordPool, Arc<Waits>) {
        let hasher = Meeting { expected, running: Mutex::default(), changed: Condvar::new() };
        let waits = Arc::<Waits>::default();
        (PasswordPool::new(Arc::new(hasher), concurrency, waits.clone()), waits)
    }

    #[tokio::test]
    async fn each_limit_lets_as_many_passwords_be_hashed_at_once_as_the_setting_says() {
        let (pool, waits) = pool(3, 6);
        let verify = |priority| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.verify(SecretString::from("a"), None, priority).await })
        };
        let calls: Vec<_> = HashingPriority::ALL.iter().flat_map(|priority| [*priority; 3]).map(verify).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), PasswordCheck::Right);
        }
        assert_eq!(waits.0.lock().unwrap().len(), 6);
    }

    #[tokio::test]
    async fn a_password_for_which_there_is_no_room_is_given_up_at_once_and_seen() {
        let (pool, waits) = pool(1, 1);
        let admitted: Vec<_> =
            std::iter::from_fn(|| Arc::clone(&pool.common.admitted).try_acquire_owned().ok()).collect();
        assert_eq!(admitted.len(), 1 + WAITING_PER_PERMIT);
        let refused = pool.verify(SecretString::from("a"), None, HashingPriority::Common).await;
        assert!(matches!(refused, Err(PeopleError::Busy)), "{refused:?}");
        pool.verify(SecretString::from("a"), None, HashingPriority::Trusted).await.unwrap();
        assert_eq!(*waits.0.lock().unwrap(), [(HashingPriority::Common, false), (HashingPriority::Trusted, true)]);
    }
}
