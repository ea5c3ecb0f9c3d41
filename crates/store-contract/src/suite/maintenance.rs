//! Leases, expiry and closing.

use std::{sync::Arc, time::Duration};

use audit::AuditFilter;
use findings::Finding;
use kernel::{ClaimOutcome, CommitError, IdempotencyRecord, KeyClaim, PageRequest, Reader, StoreError};
use store::Lease;
use webhooks::{EventBodies, FanOutPhase};

use crate::{Fixture, samples};

const LEASE_DURATION: Duration = Duration::from_secs(10);
/// The retention of idempotency records.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// A step of the clock that is longer than any lease and any wait.
const STEP: Duration = Duration::from_secs(50 * 365 * 24 * 60 * 60);
const ALMOST_LEASE_DURATION: Duration = Duration::from_millis(9_999);

async fn acquire_lease(fixture: &Fixture, owner: &str) -> bool {
    fixture.store.acquire_lease(Lease::Sealer, owner, fixture.now(), LEASE_DURATION).await.unwrap()
}

/// The owner keeps a lease as long as it renews it; no other process gets it before it expires.
pub async fn a_lease_belongs_to_its_owner_until_it_expires(fixture: Fixture) {
    assert!(acquire_lease(&fixture, "one").await);
    assert!(!acquire_lease(&fixture, "other").await);
    fixture.clock.advance(ALMOST_LEASE_DURATION);
    assert!(!acquire_lease(&fixture, "other").await);
    assert!(acquire_lease(&fixture, "one").await, "the owner renews its lease");
    fixture.clock.advance(ALMOST_LEASE_DURATION);
    assert!(!acquire_lease(&fixture, "other").await, "a renewed lease runs from its renewal");
    fixture.clock.tick();
    assert!(acquire_lease(&fixture, "other").await, "an expired lease can be acquired");
    assert!(!acquire_lease(&fixture, "one").await);
}

/// A lease that its owner releases is free immediately; a release by another process has no effect.
pub async fn only_the_owner_can_release_a_lease(fixture: Fixture) {
    assert!(acquire_lease(&fixture, "one").await);
    fixture.store.release_lease(Lease::Sealer, "other").await.unwrap();
    assert!(!acquire_lease(&fixture, "other").await);
    fixture.store.release_lease(Lease::Sealer, "one").await.unwrap();
    assert!(acquire_lease(&fixture, "other").await);
    fixture.store.release_lease(Lease::Sealer, "one").await.unwrap();
    assert!(!acquire_lease(&fixture, "one").await);
    for (lease, is_free) in [(Lease::ScanImport(1), true), (Lease::ScanImport(2), true), (Lease::Sealer, false)] {
        let acquired = fixture.store.acquire_lease(lease, "third", fixture.now(), LEASE_DURATION).await.unwrap();
        assert_eq!(acquired, is_free, "each lease has an owner of its own");
    }
}

/// Of eight concurrent calls one acquires the lease.
pub async fn one_of_eight_concurrent_callers_acquires_the_lease(fixture: Fixture) {
    let now = fixture.now();
    let calls: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move {
                store.acquire_lease(Lease::Sealer, &format!("{number}"), now, LEASE_DURATION).await.unwrap()
            })
        })
        .collect();
    let mut owners = 0;
    for call in calls {
        owners += usize::from(call.await.unwrap());
    }
    assert_eq!(owners, 1);
}

/// At most `limit` expired idempotency records are deleted per call; the others are kept.
pub async fn expired_idempotency_keys_are_deleted_up_to_a_limit(fixture: Fixture) {
    let at = fixture.now();
    let mut records = Vec::new();
    for number in 0..10 {
        let usual = samples::idempotency_record(fixture.home, &format!("key-{number}"), at);
        let record =
            IdempotencyRecord { expires_at: at + Duration::from_secs(if number < 7 { 60 } else { 120 }), ..usual };
        let mut changeset = fixture.changeset(fixture.home);
        changeset.set_idempotency(record.clone());
        fixture.commit(changeset).await.unwrap();
        records.push(record);
    }
    assert_eq!(fixture.store.delete_expired_idempotency_keys(at + Duration::from_secs(60), 100).await.unwrap(), 0);
    let now = at + Duration::from_secs(61);
    assert_eq!(fixture.store.delete_expired_idempotency_keys(now, 0).await.unwrap(), 0);
    assert_eq!(fixture.store.delete_expired_idempotency_keys(now, 4).await.unwrap(), 4);
    assert_eq!(fixture.store.delete_expired_idempotency_keys(now, 4).await.unwrap(), 3);
    assert_eq!(fixture.store.delete_expired_idempotency_keys(now, 4).await.unwrap(), 0);
    for (number, record) in records.iter().enumerate() {
        assert_eq!(fixture.store.stored_response(&record.key, at).await.unwrap().is_some(), number >= 7);
    }
}

/// Pending events of all organizations are counted.
pub async fn pending_events_are_counted(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    assert_eq!(fixture.pending_events().await, 0);
    for (organization, events) in [(fixture.home, 2), (away, 3)] {
        let (mut changeset, stored) = fixture.create_changeset(organization, samples::finding("f-1"));
        for _ in 0..events {
            changeset.publish(samples::outbox_event(&*fixture.entropy, &stored));
        }
        fixture.commit(changeset).await.unwrap();
    }
    assert_eq!(fixture.pending_events().await, 5);
}

/// After the clock was set back, neither a lease nor the wait of a delivery from before it lasts longer than any does.
pub async fn state_of_a_time_that_the_clock_no_longer_shows_is_discarded(fixture: Fixture) {
    let (partition, _) = fixture.idle_partition("one").await;
    let (retried, _) = fixture.idle_partition("two").await;
    let now = fixture.now();
    fixture.clock.set(now + STEP);
    assert!(acquire_lease(&fixture, "one").await);
    let due = samples::delivery(partition.subscription, fixture.new_id(), fixture.now());
    fixture.create(fixture.home, due).await;
    assert!(fixture.acquire(partition, "one").await);
    let later = fixture.now() + Duration::from_secs(5);
    fixture.create(fixture.home, samples::delivery(retried.subscription, fixture.new_id(), later)).await;

    fixture.clock.set(now);
    assert!(!acquire_lease(&fixture, "other").await);
    assert_eq!(fixture.due_partitions().await, []);
    fixture.store.discard_future_state(now, RETENTION).await.unwrap();
    assert!(acquire_lease(&fixture, "other").await);
    assert_eq!(fixture.due_partitions().await.len(), 2);
    for partition in [partition, retried] {
        assert!(fixture.acquire(partition, "other").await);
    }
    let next_attempts: Vec<_> =
        fixture.deliveries(fixture.home).await.iter().map(|delivery| delivery.record.next_attempt_at).collect();
    assert_eq!(next_attempts, [Some(now); 2]);

    fixture.store.discard_future_state(now, RETENTION).await.unwrap();
    assert!(!acquire_lease(&fixture, "one").await, "a lease of the present is kept");
    assert!(!fixture.acquire(partition, "one").await);
}

/// After the clock was set back, neither an idempotency record nor a claim from before it is stored for longer than any
/// is, and a last use is not later than the clock.
pub async fn idempotency_records_and_last_uses_of_the_future_are_capped(fixture: Fixture) {
    let (store, now) = (&fixture.store, fixture.now());
    let account = fixture.new_id();
    fixture.clock.set(now + STEP);
    let ahead = store_key(&fixture, "ahead").await;
    let claim = KeyClaim {
        key: samples::idempotency_record(fixture.home, "claimed", fixture.now()).key,
        fingerprint: ahead.fingerprint,
        effect: fixture.new_id::<Finding>().ulid(),
        held_until: fixture.now() + Duration::from_secs(60),
        expires_at: fixture.now() + RETENTION,
    };
    assert!(matches!(store.claim_key(&claim, fixture.now()).await.unwrap(), ClaimOutcome::Claimed(_)));
    store.record_last_used(&[(fixture.home, account, fixture.now())]).await.unwrap();

    fixture.clock.set(now);
    let mut present = samples::idempotency_record(fixture.home, "present", now);
    present.expires_at = now + RETENTION + Duration::from_secs(3000);
    let mut changeset = fixture.changeset(fixture.home);
    changeset.set_idempotency(present.clone());
    fixture.commit(changeset).await.unwrap();
    store.discard_future_state(now, RETENTION).await.unwrap();
    assert_eq!(store.last_used(fixture.home, account).await.unwrap(), Some(now));
    let before = now + RETENTION - Duration::from_millis(1);
    assert!(store.stored_response(&ahead.key, before).await.unwrap().is_some(), "it is stored as long as others");
    assert!(store.stored_response(&ahead.key, now + RETENTION).await.unwrap().is_none());
    assert!(store.stored_response(&present.key, now + RETENTION).await.unwrap().is_some(), "others are not touched");
    let later = now + RETENTION + Duration::from_millis(1);
    assert_eq!(store.delete_expired_idempotency_keys(later, 100).await.unwrap(), 2, "the record and the claim");
}

async fn store_key(fixture: &Fixture, key: &str) -> IdempotencyRecord {
    let usual = samples::idempotency_record(fixture.home, key, fixture.now());
    let record = IdempotencyRecord { expires_at: fixture.now() + RETENTION, ..usual };
    let mut changeset = fixture.changeset(fixture.home);
    changeset.set_idempotency(record.clone());
    fixture.commit(changeset).await.unwrap();
    record
}

/// Events, redeliveries and changed subscriptions are due by the clock, even if their timestamps are ahead of it.
pub async fn changes_are_due_immediately_after_the_clock_was_set_back(fixture: Fixture) {
    let (partition, subscription) = fixture.idle_partition("one").await;
    let now = fixture.now();
    fixture.clock.set(now + STEP);
    let (_, ahead) = fixture.publish_finding(fixture.home, "f-1").await;
    fixture.clock.set(now);
    let (_, event) = fixture.publish_finding(fixture.home, "f-2").await;
    assert!(event.created_at >= ahead.created_at, "timestamps do not step back");
    fixture.fan_out(fixture.home, 10).await;
    assert_eq!(fixture.due_partitions().await, [partition]);
    assert!(fixture.acquire(partition, "one").await);
    let due = fixture.due_deliveries(partition).await;
    assert_eq!(due.len(), 2);
    for delivery in due {
        fixture.update(&delivery.delivery, delivery.delivery.record.cancelled()).await;
    }
    fixture.store.release_all_partitions("one").await.unwrap();
    fixture.acquire_and_release(partition).await;

    assert_eq!(fixture.due_partitions().await, []);
    fixture.update(&subscription, subscription.record.clone()).await;
    assert_eq!(fixture.due_partitions().await, [partition]);
}

/// The first identifier of an installation stays.
pub async fn the_identifier_of_an_installation_is_stored_once(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.installation_id().await.unwrap(), None);
    assert_eq!(store.store_installation_id("one").await.unwrap(), "one");
    assert_eq!(store.store_installation_id("other").await.unwrap(), "one");
    assert_eq!(store.installation_id().await.unwrap().as_deref(), Some("one"));
    assert!(!store.webhooks_paused().await.unwrap() && !store.is_unrenewed_copy().await.unwrap());
}

/// Every call to a closed store fails with `Unavailable`, but calls that began before are completed.
pub async fn a_closed_store_is_unavailable(fixture: Fixture) {
    let (store, home) = (&fixture.store, fixture.home);
    store.check_ready().await.unwrap();
    let stored = fixture.create(home, samples::finding("f-1")).await;
    let (changeset, _) = fixture.create_changeset(home, samples::finding("f-2"));
    let record = samples::idempotency_record(home, "key", fixture.now());
    let entry = samples::entry(&*fixture.entropy, home, fixture.now());
    let timestamp = store.begin_entry();
    let key = auth::EncryptedSigningKey {
        id: "key".to_owned(),
        algorithm: "EdDSA".to_owned(),
        ciphertext: vec![1],
        created_at: fixture.now(),
    };
    let partition = webhooks::Partition { organization: home, subscription: fixture.new_id() };
    store.close().await;
    store.close().await;
    let refused = fixture.commit(changeset).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let page = PageRequest::default();
    let outcomes = [
        ("ready", store.check_ready().await),
        ("append", store.append(entry.clone(), timestamp).await),
        ("stored_response", store.stored_response(&record.key, fixture.now()).await.map(drop)),
        ("get", Reader::<Finding>::get(&**store, home, stored.meta.id).await.map(drop)),
        ("list", Reader::<Finding>::list(&**store, home, &Default::default(), &page).await.map(drop)),
        ("get_by_keys", Reader::<Finding>::get_by_keys(&**store, home, &["f-1"]).await.map(drop)),
        ("get_by_key_ranges", Reader::<Finding>::get_by_key_ranges(&**store, home, &["f".."g"]).await.map(drop)),
        ("entries", store.entries(home, &AuditFilter::default(), &page).await.map(drop)),
        ("entry", store.entry(home, entry.id).await.map(drop)),
        ("waiting", store.audit_tables().waiting(None, 1, 1).await.map(drop)),
        ("recent", store.audit_tables().recent(home).await.map(drop)),
        ("sealed", store.sealed(home, 0, 1).await.map(drop)),
        ("head", store.head(home).await.map(drop)),
        ("tail", store.unsealed_stats(None).await.map(drop)),
        ("checkpoints", store.checkpoints(home, 0, 1).await.map(drop)),
        ("by_client_id", store.by_client_id(fixture.new_id()).await.map(drop)),
        ("revision", store.revision(home, fixture.new_id()).await.map(drop)),
        ("record_last_used", store.record_last_used(&[(home, fixture.new_id(), fixture.now())]).await),
        ("last_used", store.last_used(home, fixture.new_id()).await.map(drop)),
        ("signing_keys", store.signing_keys().await.map(drop)),
        ("add_first_signing_key", store.add_first_signing_key(&key).await),
        ("master_key_check", store.master_key_check().await.map(drop)),
        ("store_master_key_check", store.store_master_key_check("value").await.map(drop)),
        ("installation_id", store.installation_id().await.map(drop)),
        ("store_installation_id", store.store_installation_id("id").await.map(drop)),
        ("webhooks_paused", store.webhooks_paused().await.map(drop)),
        ("is_unrenewed_copy", store.is_unrenewed_copy().await.map(drop)),
        ("discard_future_state", store.discard_future_state(fixture.now(), RETENTION).await),
        ("organizations", store.organizations().await.map(drop)),
        ("acquire_lease", store.acquire_lease(Lease::Sealer, "one", fixture.now(), LEASE_DURATION).await.map(drop)),
        ("release_lease", store.release_lease(Lease::Sealer, "one").await),
        ("delete_expired_keys", store.delete_expired_idempotency_keys(fixture.now(), 1).await.map(drop)),
        ("time", store.time().await.map(drop)),
        ("pending_events", store.pending_events().await.map(drop)),
        ("pending_organizations", store.pending_organizations(None, 1).await.map(drop)),
        ("fan_out", store.fan_out(home, "one", fixture.now(), 1, FanOutPhase::Remaining).await.map(drop)),
        ("due_partitions", store.due_partitions(fixture.now(), 1).await.map(drop)),
        (
            "acquire_partitions",
            store
                .acquire_partitions(&[partition], "one", fixture.now(), fixture.now() + LEASE_DURATION)
                .await
                .map(drop),
        ),
        ("renew_partitions", store.renew_partitions("one", fixture.now()).await),
        ("partition_revisions", store.partition_revisions(partition).await.map(drop)),
        ("due_deliveries", store.due_deliveries(partition, fixture.now(), 1).await.map(drop)),
        ("record_results", store.record_results(partition, &[], None).await.map(drop)),
        ("cancel_deliveries", store.cancel_deliveries(partition, fixture.now(), 1).await.map(drop)),
        ("release_partition", store.release_partition(partition, "one", fixture.now(), false).await.map(drop)),
        ("release_all_partitions", store.release_all_partitions("one").await),
        ("delivery_health", store.delivery_health(home, &[partition.subscription]).await.map(drop)),
        ("events", store.events(home, ulid::Ulid::nil(), ulid::Ulid::max(), 1, EventBodies::Included).await.map(drop)),
        ("existing_deliveries", store.existing_deliveries(partition, &[fixture.new_id()]).await.map(drop)),
        ("prune", store.prune(fixture.now(), 1).await.map(drop)),
        ("delivery_lag", store.delivery_lag(fixture.now()).await.map(drop)),
    ];
    for (call, outcome) in outcomes {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{call} returned {outcome:?}");
    }
}
