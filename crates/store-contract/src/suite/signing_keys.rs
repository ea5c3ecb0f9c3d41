//! Token signing keys, and the check value of the master key.

use std::{sync::Arc, time::Duration};

use auth::{EncryptedSigningKey, KeyChange, Keyring, MIN_LEAD_TIME};
use kernel::{Changeset, OrganizationId};
use store::DynStore;

use crate::{Fixture, samples};

fn key(fixture: &Fixture, id: &str) -> EncryptedSigningKey {
    EncryptedSigningKey {
        id: id.to_owned(),
        algorithm: "EdDSA".to_owned(),
        ciphertext: vec![0, 7, 255],
        created_at: fixture.now(),
    }
}

fn key_ids(ring: &Keyring) -> Vec<&str> {
    ring.keys().iter().map(|key| key.key.id.as_str()).collect()
}

fn changeset(fixture: &Fixture) -> Changeset {
    samples::changeset(&*fixture.entropy, fixture.store.begin_write(), OrganizationId::INSTALLATION)
}

async fn keyring(fixture: &Fixture) -> Keyring {
    fixture.store.signing_keys().await.unwrap()
}

async fn apply_change(fixture: &Fixture, change: &KeyChange) -> bool {
    fixture.store.change_signing_keys(change, changeset(fixture)).await.unwrap()
}

/// Creates the first key of the installation.
async fn keyring_with_first_key(fixture: &Fixture) -> Keyring {
    fixture.store.add_first_signing_key(&key(fixture, "first")).await.unwrap();
    keyring(fixture).await
}

/// Of several servers that start concurrently, one creates the first key of the installation, which signs from then
/// on.
pub async fn the_first_of_concurrent_signing_keys_wins(fixture: Fixture) {
    assert_eq!(keyring(&fixture).await.keys(), []);
    let keys: Vec<_> = (0..8_u8)
        .map(|number| EncryptedSigningKey {
            ciphertext: vec![0, number, 255],
            created_at: fixture.now() + Duration::from_millis(u64::from(8 - number)),
            ..key(&fixture, &format!("key-{number}"))
        })
        .collect();
    let add = async |store: Arc<DynStore>, key: EncryptedSigningKey| {
        store.add_first_signing_key(&key).await.unwrap();
        store.signing_keys().await.unwrap().keys().to_vec()
    };
    let servers: Vec<_> = keys.iter().map(|key| tokio::spawn(add(Arc::clone(&fixture.store), key.clone()))).collect();
    let mut seen = Vec::new();
    for server in servers {
        seen.push(server.await.unwrap());
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "servers have different keys");
    assert_eq!(seen[0].len(), 1);
    assert!(keys.contains(&seen[0][0].key));
    fixture.store.add_first_signing_key(&keys[0]).await.unwrap();
    let current = keyring(&fixture).await;
    assert_eq!(current.keys(), seen[0]);
    assert!(current.keys()[0].signs_from <= current.at());
}

/// A key is published first, and signs once its lead time has passed by the store's own clock.
pub async fn a_published_key_signs_after_its_lead_time(fixture: Fixture) {
    let before = keyring_with_first_key(&fixture).await;
    let next = key(&fixture, "next");
    assert!(apply_change(&fixture, &before.rotate(next.clone(), MIN_LEAD_TIME).unwrap()).await);
    let after = keyring(&fixture).await;
    assert_eq!(key_ids(&after), ["first", "next"]);
    let published = &after.keys()[1];
    assert_eq!(published.key, next);
    assert!(before.at() + MIN_LEAD_TIME <= published.signs_from, "{published:?}");
    assert!(published.signs_from <= after.at() + MIN_LEAD_TIME, "{published:?}");
    assert_eq!(after.signing().map(|key| key.key.id.as_str()), Some("first"));
}

/// A retired key is removed at once; if it was the signing key, its replacement signs from the same moment.
pub async fn a_retired_key_is_removed_and_replaced_immediately(fixture: Fixture) {
    let before = keyring_with_first_key(&fixture).await;
    assert!(apply_change(&fixture, &before.retire("first", key(&fixture, "replacement")).unwrap()).await);
    let after = keyring(&fixture).await;
    assert_eq!(key_ids(&after), ["replacement"]);
    assert!(after.keys()[0].signs_from <= after.at());
}

/// A change of the keys and its audit entry are stored together. If the keys have changed meanwhile, neither is
/// stored.
pub async fn a_key_change_and_its_audit_entry_are_stored_together(fixture: Fixture) {
    let installation = OrganizationId::INSTALLATION;
    let stale = keyring_with_first_key(&fixture).await;
    assert!(apply_change(&fixture, &stale.rotate(key(&fixture, "next"), MIN_LEAD_TIME).unwrap()).await);
    assert_eq!(fixture.audit_log(installation).await.len(), 1);
    for decided in [
        stale.rotate(key(&fixture, "other"), MIN_LEAD_TIME).unwrap(),
        stale.retire("first", key(&fixture, "other")).unwrap(),
    ] {
        assert!(!apply_change(&fixture, &decided).await, "a change of stale keys was stored");
    }
    assert_eq!(key_ids(&keyring(&fixture).await), ["first", "next"]);
    assert_eq!(fixture.audit_log(installation).await.len(), 1);
}

/// If the changeset with its audit entry can't be stored, a change of the keys is not stored either.
pub async fn a_failed_key_change_leaves_the_keys_unchanged(fixture: Fixture) {
    let before = keyring_with_first_key(&fixture).await;
    let installation = OrganizationId::INSTALLATION;
    let read = fixture.create(installation, samples::control("c-1")).await;
    fixture.update(&read, samples::control("c-2")).await;
    let mut changeset = changeset(&fixture);
    changeset.require_unchanged(&read);
    let entries = fixture.audit_log(installation).await;
    let decided = before.rotate(key(&fixture, "next"), MIN_LEAD_TIME).unwrap();
    assert!(fixture.store.change_signing_keys(&decided, changeset).await.is_err());
    assert_eq!(key_ids(&keyring(&fixture).await), ["first"]);
    assert_eq!(fixture.audit_log(installation).await, entries);
}

/// Of eight concurrent rotations one is stored.
pub async fn one_of_eight_concurrent_rotations_wins(fixture: Fixture) {
    let before = keyring_with_first_key(&fixture).await;
    let rotations: Vec<_> = (0..8)
        .map(|number| {
            let decided = before.rotate(key(&fixture, &format!("next-{number}")), MIN_LEAD_TIME).unwrap();
            let (store, changeset) = (Arc::clone(&fixture.store), changeset(&fixture));
            tokio::spawn(async move { store.change_signing_keys(&decided, changeset).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for rotation in rotations {
        won += usize::from(rotation.await.unwrap());
    }
    assert_eq!((won, keyring(&fixture).await.keys().len()), (1, 2));
}

/// Of several servers that start concurrently with different master keys, one determines the installation's, and all
/// get its check value.
pub async fn the_first_of_concurrent_master_key_check_values_is_stored(fixture: Fixture) {
    assert_eq!(fixture.store.master_key_check().await.unwrap(), None);
    let servers: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.store_master_key_check(&format!("value-{number}")).await.unwrap() })
        })
        .collect();
    let mut stored = Vec::new();
    for server in servers {
        stored.push(server.await.unwrap());
    }
    assert!(stored.iter().all(|one| *one == stored[0]), "{stored:?}");
    assert_eq!(fixture.store.master_key_check().await.unwrap().as_ref(), Some(&stored[0]));
    assert_eq!(fixture.store.store_master_key_check("another").await.unwrap(), stored[0]);
}
