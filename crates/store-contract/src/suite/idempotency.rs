//! One effect per idempotency key (contract v1 § 4).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use findings::Finding;
use kernel::{
    ActorRevision, ClaimOutcome, CommitError, Fingerprint, IdempotencyKey, IdempotencyRecord, KeyClaim, Kind,
    PageRequest, StoredResponse,
};
use ulid::Ulid;

use crate::{Fixture, samples};

fn expect_duplicate(outcome: Result<(), CommitError>) -> StoredResponse {
    match outcome {
        Err(CommitError::Duplicate(response)) => response,
        other => panic!("expected the stored response, got {other:?}"),
    }
}

async fn commit_with_record(fixture: &Fixture, record: &IdempotencyRecord) -> Result<(), CommitError> {
    let mut changeset = fixture.changeset(fixture.home);
    changeset.set_idempotency(record.clone());
    fixture.commit(changeset).await
}

async fn stored_response(fixture: &Fixture, record: &IdempotencyRecord) -> Option<(Fingerprint, StoredResponse)> {
    fixture.store.stored_response(&record.key, fixture.now()).await.unwrap()
}

/// A replayed response has the same status, headers and bytes, whatever they are.
pub async fn a_repeated_request_gets_the_first_response_byte_for_byte(fixture: Fixture) {
    let usual = samples::idempotency_record(fixture.home, "usual", fixture.now());
    let empty = IdempotencyRecord {
        response: StoredResponse { status: 204, headers: Vec::new(), body: Bytes::new() },
        ..samples::idempotency_record(fixture.home, "empty", fixture.now())
    };
    let large = IdempotencyRecord {
        response: StoredResponse { body: (0..=255).cycle().take(600_000).collect(), ..usual.response.clone() },
        fingerprint: Fingerprint(std::array::from_fn(|index| u8::try_from(index * 8).unwrap())),
        ..samples::idempotency_record(fixture.home, "large", fixture.now())
    };
    for record in [usual, empty, large] {
        assert_eq!(stored_response(&fixture, &record).await, None);
        commit_with_record(&fixture, &record).await.unwrap();
        assert_eq!(stored_response(&fixture, &record).await, Some((record.fingerprint, record.response.clone())));
        let other_response = StoredResponse { status: 500, headers: Vec::new(), body: Bytes::from_static(b"second") };
        let repeated = IdempotencyRecord { response: other_response, ..record.clone() };
        assert_eq!(expect_duplicate(commit_with_record(&fixture, &repeated).await), record.response);
        assert_eq!(stored_response(&fixture, &record).await, Some((record.fingerprint, record.response)));
    }
}

/// A repeated request stores no record, no audit entry and no event.
pub async fn a_repeated_request_has_no_second_effect(fixture: Fixture) {
    let record = samples::idempotency_record(fixture.home, "key", fixture.now());
    commit_with_record(&fixture, &record).await.unwrap();
    let (pending, log) = (fixture.pending_events().await, fixture.audit_log(fixture.home).await);
    let (mut changeset, second) = fixture.create_changeset(fixture.home, samples::finding("second"));
    changeset.set_idempotency(record.clone());
    changeset.publish(samples::outbox_event(&*fixture.entropy, &second));
    assert_eq!(expect_duplicate(fixture.commit(changeset).await), record.response);
    assert_eq!(fixture.get(fixture.home, second.meta.id).await, None);
    assert_eq!((fixture.pending_events().await, fixture.audit_log(fixture.home).await), (pending, log));
}

/// A repeated request gets its stored response although it conflicts with its own first effect and although the
/// account has changed.
pub async fn a_repeated_request_is_recognised_before_any_other_check(fixture: Fixture) {
    let (mut changeset, first) = fixture.create_changeset(fixture.home, samples::finding("f-1"));
    let record = samples::idempotency_record(fixture.home, "key", changeset.at());
    changeset.set_idempotency(record.clone());
    fixture.commit(changeset).await.unwrap();
    let unknown = ActorRevision {
        kind: Kind::ServiceAccount,
        id: fixture.new_id::<Finding>().ulid(),
        revision: first.meta.revision,
    };
    let timestamp = fixture.store.begin_write();
    let mut again = samples::changeset_for_account(&*fixture.entropy, timestamp, fixture.home, unknown);
    let duplicate = fixture.new_record(&again, samples::finding("f-1"));
    again.create(&duplicate);
    again.require_unchanged(&duplicate);
    again.set_idempotency(record.clone());
    assert_eq!(expect_duplicate(fixture.commit(again).await), record.response);
}

/// A key with the response of one request is refused for another.
pub async fn a_key_reused_for_another_request_is_refused(fixture: Fixture) {
    let record = samples::idempotency_record(fixture.home, "key", fixture.now());
    commit_with_record(&fixture, &record).await.unwrap();
    let other = IdempotencyRecord { fingerprint: Fingerprint([8; 32]), ..record.clone() };
    assert!(matches!(commit_with_record(&fixture, &other).await, Err(CommitError::KeyReused)));
    assert_eq!(stored_response(&fixture, &record).await, Some((record.fingerprint, record.response)));
}

/// A key is unique per organization, account and operation, and case-sensitive.
pub async fn a_key_is_scoped_to_its_account_and_operation(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let first = samples::idempotency_record(fixture.home, "key", fixture.now());
    commit_with_record(&fixture, &first).await.unwrap();
    for key in [
        IdempotencyKey { organization: away, ..first.key.clone() },
        IdempotencyKey { account: Ulid::from_parts(1, 1), ..first.key.clone() },
        IdempotencyKey { operation: "PATCH /api/v1/governance/findings/find_1".to_owned(), ..first.key.clone() },
        IdempotencyKey { key: "KEY".to_owned(), ..first.key.clone() },
    ] {
        let other = IdempotencyRecord { key, fingerprint: Fingerprint([9; 32]), ..first.clone() };
        assert_eq!(stored_response(&fixture, &other).await, None);
        let mut changeset = fixture.changeset(other.key.organization);
        changeset.set_idempotency(other.clone());
        fixture.commit(changeset).await.unwrap();
        assert_eq!(stored_response(&fixture, &other).await, Some((other.fingerprint, other.response)));
    }
    assert_eq!(stored_response(&fixture, &first).await, Some((first.fingerprint, first.response)));
}

/// A key is stored until it expires; from then on it can be used for any request.
pub async fn an_expired_key_counts_as_absent(fixture: Fixture) {
    let record = samples::idempotency_record(fixture.home, "key", fixture.now());
    commit_with_record(&fixture, &record).await.unwrap();
    fixture.clock.set(record.expires_at - Duration::from_millis(1));
    assert_eq!(expect_duplicate(commit_with_record(&fixture, &record).await), record.response);
    fixture.clock.set(record.expires_at);
    assert_eq!(stored_response(&fixture, &record).await, None);
    let next = IdempotencyRecord {
        fingerprint: Fingerprint([8; 32]),
        response: StoredResponse { status: 200, ..record.response.clone() },
        ..samples::idempotency_record(fixture.home, "key", fixture.now())
    };
    commit_with_record(&fixture, &next).await.unwrap();
    assert_eq!(stored_response(&fixture, &next).await, Some((next.fingerprint, next.response)));
    assert!(matches!(commit_with_record(&fixture, &record).await, Err(CommitError::KeyReused)));
}

/// A failed request can be retried with the same key.
pub async fn a_failed_commit_leaves_the_key_unused(fixture: Fixture) {
    let taken = fixture.create(fixture.home, samples::finding("taken")).await;
    let record = samples::idempotency_record(fixture.home, "key", fixture.now());
    let (mut clashing, _) = fixture.create_changeset(fixture.home, taken.record);
    clashing.set_idempotency(record.clone());
    assert!(matches!(fixture.commit(clashing).await, Err(CommitError::Conflict(_))));
    assert_eq!(stored_response(&fixture, &record).await, None);
    let corrected = IdempotencyRecord { fingerprint: Fingerprint([8; 32]), ..record };
    commit_with_record(&fixture, &corrected).await.unwrap();
}

/// Of sixteen concurrent requests, each with a record of its own, one has an effect and all others get its response.
pub async fn sixteen_concurrent_requests_with_one_key_have_one_effect(fixture: Fixture) {
    let (pending, entries) = (fixture.pending_events().await, fixture.audit_log(fixture.home).await.len());
    let requests: Vec<_> = (0..16_u16)
        .map(|number| {
            let (mut changeset, stored) =
                fixture.create_changeset(fixture.home, samples::finding(&format!("f-{number}")));
            let mut record = samples::idempotency_record(fixture.home, "key", changeset.at());
            record.response.status = 200 + number;
            changeset.set_idempotency(record);
            changeset.publish(samples::outbox_event(&*fixture.entropy, &stored));
            let store = std::sync::Arc::clone(&fixture.store);
            (200 + number, tokio::spawn(async move { store.commit(changeset).await }))
        })
        .collect();
    let (mut winners, mut replayed) = (Vec::new(), Vec::new());
    for (status, request) in requests {
        match request.await.unwrap() {
            Ok(()) => winners.push(status),
            outcome => replayed.push(expect_duplicate(outcome).status),
        }
    }
    assert_eq!((winners.len(), replayed), (1, vec![winners[0]; 15]));
    let records = fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest::default()).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].record.key.as_str(), format!("f-{}", winners[0] - 200));
    assert_eq!(fixture.audit_log(fixture.home).await.len(), entries + 1);
    assert_eq!(fixture.pending_events().await, pending + 1);
}

const HELD_FOR: Duration = Duration::from_secs(60);

/// A claim of the key at the current time, with an identifier of its own.
fn claim(fixture: &Fixture, client_key: &str) -> KeyClaim {
    let record = samples::idempotency_record(fixture.home, client_key, fixture.now());
    KeyClaim {
        key: record.key,
        fingerprint: record.fingerprint,
        effect: fixture.new_id::<Finding>().ulid(),
        held_until: fixture.now() + HELD_FOR,
        expires_at: fixture.now() + Duration::from_secs(24 * 3600),
    }
}

async fn claim_key(fixture: &Fixture, claim: &KeyClaim) -> ClaimOutcome {
    fixture.store.claim_key(claim, fixture.now()).await.unwrap()
}

/// Of concurrent claims of a key one is granted. Claims of other keys are independent of it.
pub async fn one_of_sixteen_concurrent_claims_of_a_key_is_granted(fixture: Fixture) {
    let now = fixture.now();
    let claims: Vec<_> = (0..16)
        .map(|_| {
            let (store, claim) = (Arc::clone(&fixture.store), claim(&fixture, "key"));
            tokio::spawn(async move {
                let outcome = store.claim_key(&claim, now).await.unwrap();
                assert!(matches!(outcome, ClaimOutcome::Claimed(_) | ClaimOutcome::HeldByAnother));
                outcome == ClaimOutcome::Claimed(claim.effect)
            })
        })
        .collect();
    let mut granted = 0;
    for claim in claims {
        granted += usize::from(claim.await.unwrap());
    }
    assert_eq!(granted, 1);
    let other = claim(&fixture, "other");
    assert_eq!(claim_key(&fixture, &other).await, ClaimOutcome::Claimed(other.effect));
}

/// A claim that was released or has ended is granted again, and the effect keeps its identifier for as long as the claim
/// is stored.
pub async fn a_claim_that_has_ended_is_granted_again_with_the_same_identifier(fixture: Fixture) {
    let first = claim(&fixture, "key");
    assert_eq!(claim_key(&fixture, &first).await, ClaimOutcome::Claimed(first.effect));
    fixture.clock.advance(HELD_FOR - Duration::from_millis(1));
    assert_eq!(claim_key(&fixture, &claim(&fixture, "key")).await, ClaimOutcome::HeldByAnother);
    fixture.clock.tick();
    let second = claim(&fixture, "key");
    assert_eq!(claim_key(&fixture, &second).await, ClaimOutcome::Claimed(first.effect));
    fixture.clock.tick();
    fixture.store.release_key(&first).await.unwrap();
    assert_eq!(
        claim_key(&fixture, &claim(&fixture, "key")).await,
        ClaimOutcome::HeldByAnother,
        "it is not the first's"
    );
    fixture.store.release_key(&second).await.unwrap();
    assert_eq!(claim_key(&fixture, &claim(&fixture, "key")).await, ClaimOutcome::Claimed(first.effect));
    fixture.clock.advance(Duration::from_secs(24 * 3600));
    let anew = claim(&fixture, "key");
    assert_eq!(claim_key(&fixture, &anew).await, ClaimOutcome::Claimed(anew.effect));
}

/// A claim that was made while the clock was far ahead is not in force after the clock was corrected.
pub async fn a_claim_from_the_future_is_granted_again(fixture: Fixture) {
    let early = claim(&fixture, "key");
    let ahead = KeyClaim { held_until: fixture.now() + Duration::from_secs(7200), ..early.clone() };
    assert_eq!(claim_key(&fixture, &ahead).await, ClaimOutcome::Claimed(early.effect));
    assert_eq!(claim_key(&fixture, &claim(&fixture, "key")).await, ClaimOutcome::Claimed(early.effect));
}

/// A claim by another request with the same key is reported as such while the first claim is held, and affects neither
/// it nor the stored responses. Once the first has ended, the key is free for another request, with another effect.
pub async fn a_key_claimed_for_another_request_is_refused_until_that_claim_has_ended(fixture: Fixture) {
    let first = claim(&fixture, "key");
    claim_key(&fixture, &first).await;
    let other = KeyClaim { fingerprint: Fingerprint([8; 32]), ..claim(&fixture, "key") };
    assert_eq!(claim_key(&fixture, &other).await, ClaimOutcome::KeyReused);
    fixture.clock.advance(HELD_FOR);
    let other = KeyClaim { fingerprint: other.fingerprint, ..claim(&fixture, "key") };
    assert_eq!(claim_key(&fixture, &other).await, ClaimOutcome::Claimed(other.effect));
    assert_eq!(claim_key(&fixture, &claim(&fixture, "key")).await, ClaimOutcome::KeyReused, "it is the other's now");
    fixture.store.release_key(&other).await.unwrap();
    let third = claim(&fixture, "key");
    assert_eq!(claim_key(&fixture, &third).await, ClaimOutcome::Claimed(third.effect));
    let record = samples::idempotency_record(fixture.home, "key", fixture.now());
    assert_eq!(stored_response(&fixture, &record).await, None);
    commit_with_record(&fixture, &record).await.unwrap();
    assert_eq!(stored_response(&fixture, &record).await, Some((record.fingerprint, record.response)));
}

/// The size of the stored responses is that of one account.
pub async fn the_size_of_stored_responses_is_that_of_one_account(fixture: Fixture) {
    let record = |name: &str, size: usize| {
        let record = samples::idempotency_record(fixture.home, name, fixture.now());
        let response = StoredResponse { body: vec![7; size].into(), ..record.response.clone() };
        IdempotencyRecord { response, ..record }
    };
    let key = record("a", 0).key;
    let size = async |account| fixture.store.stored_response_bytes(fixture.home, account).await.unwrap();
    assert_eq!(size(key.account).await, 0);
    let mut other = record("a", 5);
    other.key.account = Ulid(5);
    for record in [record("a", 300_000), record("b", 20), other] {
        commit_with_record(&fixture, &record).await.unwrap();
    }
    assert_eq!((size(key.account).await, size(Ulid(5)).await), (300_020, 5));
}
