//! The verification of stored objects by their hashes, before a part of one is sent, and before one is used for bytes that
//! were uploaded again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use evidence::{ContentError, ContentKey, ContentStore, StoredContent};
use tokio::{
    sync::{OwnedMutexGuard, Semaphore},
    time::Instant,
};

use crate::content_locks::ContentLocks;

/// The time for which an object counts as verified. A part of an object that is altered later than its verification can be
/// sent until then.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// The maximum number of objects that count as verified; those that were verified first are forgotten.
const MAX_VERIFIED: usize = 4096;

/// The maximum number of objects that are read for their verification at a time.
const MAX_CONCURRENT: usize = 4;

/// Verifies objects, and remembers those that are intact for some time.
pub(crate) struct ContentVerifier {
    store: Arc<dyn ContentStore>,
    verified: Arc<VerifiedObjects>,
    /// Requests for parts of one object wait for one verification.
    locks: ContentLocks,
    permits: Arc<Semaphore>,
}

impl ContentVerifier {
    pub(crate) fn new(store: Arc<dyn ContentStore>) -> Self {
        Self {
            store,
            verified: Arc::default(),
            locks: ContentLocks::default(),
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
        }
    }

    /// Ensures that the object is intact, or was within [`MAX_AGE`].
    ///
    /// # Errors
    /// [`ContentError`] if it is not, or can't be read.
    pub(crate) async fn ensure_verified(&self, content: &StoredContent) -> Result<(), ContentError> {
        if self.verified.contains(content.key) {
            return Ok(());
        }
        let turn = self.locks.lock(content.key.organization, content.key.hash).await;
        if self.verified.contains(content.key) {
            return Ok(());
        }
        self.read(content.clone(), Some(turn)).await
    }

    /// Reads the whole object and verifies it now.
    ///
    /// # Errors
    /// [`ContentError`] if it is not intact, or can't be read.
    pub(crate) async fn verify(&self, content: &StoredContent) -> Result<(), ContentError> {
        self.read(content.clone(), None).await
    }

    /// Notes the result of reading the object as a whole.
    pub(crate) fn note(&self, key: ContentKey, result: Result<(), &ContentError>) {
        self.verified.note(key, result);
    }

    async fn read(&self, content: StoredContent, turn: Option<OwnedMutexGuard<()>>) -> Result<(), ContentError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let (store, verified) = (Arc::clone(&self.store), Arc::clone(&self.verified));
        // A task of its own, so that the work of a client that gives up is not lost to its next attempt.
        let read = tokio::spawn(async move {
            let _held = (permit, turn);
            let result = read_whole(&*store, &content).await;
            verified.note(content.key, result.as_ref().copied());
            result
        });
        read.await.unwrap_or_else(|error| Err(ContentError::Unavailable(error.into())))
    }
}

async fn read_whole(store: &dyn ContentStore, content: &StoredContent) -> Result<(), ContentError> {
    let mut reader = store.read(content, 0..content.size).await?;
    while reader.next().await?.is_some() {}
    Ok(())
}

/// The objects that were found intact, with the times of that.
#[derive(Default)]
struct VerifiedObjects(Mutex<HashMap<ContentKey, Instant>>);

impl VerifiedObjects {
    fn contains(&self, key: ContentKey) -> bool {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects.get(&key).is_some_and(|at| at.elapsed() < MAX_AGE)
    }

    fn note(&self, key: ContentKey, result: Result<(), &ContentError>) {
        match result {
            Ok(()) => self.insert(key),
            Err(error) if error.damage().is_some() => self.remove(key),
            Err(_) => {}
        }
    }

    fn remove(&self, key: ContentKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    fn insert(&self, key: ContentKey) {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.len() >= MAX_VERIFIED && !objects.contains_key(&key) {
            objects.retain(|_, at| at.elapsed() < MAX_AGE);
            let oldest = objects.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
            if let Some(oldest) = oldest.filter(|_| objects.len() >= MAX_VERIFIED) {
                objects.remove(&oldest);
            }
        }
        objects.insert(key, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use evidence::ContentHash;
    use kernel::{Id, Ulid};

    use super::*;

    fn key(generation: u128) -> ContentKey {
        ContentKey { organization: Id::new(Ulid(1)), hash: ContentHash([1; 32]), generation: Ulid(generation) }
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_counts_as_verified_for_ten_minutes_and_only_so_many_do() {
        let objects = VerifiedObjects::default();
        objects.insert(key(0));
        tokio::time::advance(MAX_AGE - Duration::from_millis(1)).await;
        assert!(objects.contains(key(0)) && !objects.contains(key(1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!objects.contains(key(0)));
        for generation in 1..=2 * MAX_VERIFIED as u128 {
            tokio::time::advance(Duration::from_millis(1)).await;
            objects.insert(key(generation));
        }
        assert_eq!(objects.0.lock().unwrap().len(), MAX_VERIFIED);
        assert!(!objects.contains(key(MAX_VERIFIED as u128)) && objects.contains(key(MAX_VERIFIED as u128 + 1)));
        let latest = key(2 * MAX_VERIFIED as u128);
        objects.note(latest, Err(&ContentError::Unavailable("away".into())));
        assert!(objects.contains(latest));
        objects.note(latest, Err(&ContentError::Altered(latest)));
        assert!(!objects.contains(latest), "an object that was found altered is verified again");
    }
}
