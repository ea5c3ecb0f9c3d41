//! Token signing keys.

use std::time::Duration;

use async_trait::async_trait;
use auth::{EncryptedSigningKey, KeyChange, Keyring, PublishedKey, SigningKeys};
use kernel::{Changeset, CommitError, StoreError, Timestamp};

use crate::{MemoryStore, state::State};

#[async_trait]
impl SigningKeys for MemoryStore {
    async fn signing_keys(&self) -> Result<Keyring, StoreError> {
        Ok(Keyring::new(self.clock.now(), self.snapshot()?.signing_keys.values().cloned().collect()))
    }

    async fn add_first_signing_key(&self, key: &EncryptedSigningKey) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.change(|state| {
            if state.signing_keys.is_empty() {
                state.publish_key(key, now, Duration::ZERO);
            }
            Ok(())
        })
    }

    async fn change_signing_keys(&self, change: &KeyChange, changeset: Changeset) -> Result<bool, CommitError> {
        let now = self.clock.now();
        self.store_rows(changeset.entries(), |state, rows| {
            let mut decided_on = change.expected_ids.clone();
            decided_on.sort_unstable();
            if !state.signing_keys.keys().eq(&decided_on) {
                return Ok(false);
            }
            for id in &change.drop {
                state.signing_keys.remove_mut(id);
            }
            if let Some((key, lead)) = &change.publish {
                state.publish_key(key, now, *lead);
            }
            state.apply(&changeset, rows).map(|()| true)
        })
    }
}

impl State {
    fn publish_key(&mut self, key: &EncryptedSigningKey, now: Timestamp, lead: Duration) {
        let published = PublishedKey { key: key.clone(), signs_from: now + lead };
        self.signing_keys.insert_mut(key.id.clone(), published);
    }
}
