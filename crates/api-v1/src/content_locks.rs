//! Locks of contents, so that uploads of the same bytes to this server take turns.
//!
//! All of them write the record of the bytes. Without turns, those that are many would lose the race for it to each other
//! again and again, and each would store the bytes before it learns that another one has. Uploads to several servers still
//! race; the revision of the record decides.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use evidence::ContentHash;
use kernel::OrganizationId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The number of locks from which those that nobody holds are forgotten.
const CLEANED_FROM: usize = 128;

type Key = (OrganizationId, ContentHash);

/// The locks of the contents that are being written.
#[derive(Default)]
pub(crate) struct ContentLocks(Mutex<HashMap<Key, Weak<AsyncMutex<()>>>>);

impl ContentLocks {
    /// Waits for the turn of this caller with a content.
    pub(crate) async fn lock(&self, organization: OrganizationId, hash: ContentHash) -> OwnedMutexGuard<()> {
        self.lock_of((organization, hash)).lock_owned().await
    }

    fn lock_of(&self, key: Key) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() >= CLEANED_FROM {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::default();
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Ulid};

    use super::*;

    #[tokio::test]
    async fn callers_take_turns_with_one_content_only_and_its_lock_is_forgotten() {
        let locks = ContentLocks::default();
        let (organization, hash) = (Id::new(Ulid(1)), ContentHash([1; 32]));
        let first = locks.lock(organization, hash).await;
        drop(locks.lock(organization, ContentHash([2; 32])).await);
        drop(locks.lock(Id::new(Ulid(2)), hash).await);
        assert!(locks.lock_of((organization, hash)).try_lock().is_err());
        drop(first);
        drop(locks.lock(organization, hash).await);
        for number in 0..1000_u128 {
            drop(locks.lock(Id::new(Ulid(number)), hash).await);
        }
        assert!(locks.0.lock().unwrap().len() <= CLEANED_FROM);
    }
}
