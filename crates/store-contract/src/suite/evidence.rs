//! Attachments and contents, and the due work on evidence across organizations.

use std::{sync::Arc, time::Duration};

use evidence::{AttachmentStatus, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus, EvidenceContent};
use kernel::{CommitError, Conflict, OrganizationId, Record as _, Timestamp, Ulid};

use super::registers::{is_filtered, is_found_by_its_key, reads_back};
use crate::{Fixture, samples};

/// Attachments and contents read back as they were stored, are found by their keys, and are filtered like registers.
pub async fn attachments_and_contents_are_stored_and_filtered_as_their_statements_say(mut fixture: Fixture) {
    reads_back::<EvidenceAttachment>(&fixture).await;
    reads_back::<EvidenceContent>(&fixture).await;
    fixture.home = fixture.create_organization("files").await;
    is_filtered::<EvidenceAttachment>(&fixture).await;
    fixture.home = fixture.create_organization("contents").await;
    is_found_by_its_key::<EvidenceContent>(&fixture).await;
}

/// A pending or approved claim is due to expire once its validity has ended, whichever organization it belongs to.
pub async fn claims_are_due_to_expire_once_their_validity_has_ended(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let now = Timestamp::from_millis(1_800_000_000_000);
    let at = |millis: i64| Timestamp::from_millis(now.millis() + millis);
    let mut due = Vec::new();
    for (number, (organization, status, valid_until)) in [
        (fixture.home, EvidenceClaimStatus::Approved, Some(at(0))),
        (other, EvidenceClaimStatus::Pending, Some(at(-1))),
        (fixture.home, EvidenceClaimStatus::Pending, Some(at(-3))),
        (other, EvidenceClaimStatus::Approved, Some(at(-2))),
        (fixture.home, EvidenceClaimStatus::Approved, Some(at(1))),
        (fixture.home, EvidenceClaimStatus::Approved, None),
        (fixture.home, EvidenceClaimStatus::Rejected, Some(at(-5))),
        (fixture.home, EvidenceClaimStatus::Expired, Some(at(-5))),
        (fixture.home, EvidenceClaimStatus::Withdrawn, Some(at(-5))),
    ]
    .into_iter()
    .enumerate()
    {
        let key = samples::key(&format!("claim-{number}"));
        let claim = EvidenceClaim { key, status, valid_until, ..EvidenceClaim::example() };
        let stored = fixture.create(organization, claim).await;
        if let Some(valid_until) = valid_until.filter(|at| *at <= now && number < 4) {
            due.push((valid_until, organization, stored.meta.id));
        }
    }
    due.sort_unstable();
    let due: Vec<_> = due.into_iter().map(|(_, organization, id)| (organization, id)).collect();
    assert_eq!(fixture.store.expired_claims(now, 10).await.unwrap(), due);
    assert_eq!(fixture.store.expired_claims(now, 3).await.unwrap(), due[..3]);
    assert_eq!(fixture.store.expired_claims(at(-4), 10).await.unwrap(), []);
}

/// An attachment that is not linked is found once it is older than a time, whichever organization it belongs to.
pub async fn unlinked_attachments_are_found_by_their_age(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let mut unlinked: Vec<(OrganizationId, _, Timestamp)> = Vec::new();
    for (organization, status) in [
        (fixture.home, AttachmentStatus::Unlinked),
        (fixture.home, AttachmentStatus::Linked),
        (other, AttachmentStatus::Unlinked),
        (fixture.home, AttachmentStatus::Unlinked),
    ] {
        fixture.clock.advance(Duration::from_secs(60));
        let stored = fixture.create(organization, EvidenceAttachment { status, ..EvidenceAttachment::example() }).await;
        if status == AttachmentStatus::Unlinked {
            unlinked.push((organization, stored.meta.id, stored.meta.created_at));
        }
    }
    let expected: Vec<_> = unlinked.iter().map(|(organization, id, _)| (*organization, *id)).collect();
    let youngest = unlinked[2].2;
    assert_eq!(fixture.store.unlinked_attachments(youngest, 10).await.unwrap(), expected[..2]);
    let after = Timestamp::from_millis(youngest.millis() + 1);
    assert_eq!(fixture.store.unlinked_attachments(after, 10).await.unwrap(), expected);
    assert_eq!(fixture.store.unlinked_attachments(after, 1).await.unwrap(), expected[..1]);
}

/// The bytes that a changeset adds and removes are counted for each holder of its organization, if it is stored, and are
/// never negative.
pub async fn stored_bytes_are_counted_with_the_write_that_changes_them(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let (organization, account) = (fixture.home.ulid(), Ulid(7));
    let stored = async |organization: OrganizationId| {
        fixture.store.stored_bytes(organization, &[account, organization.ulid()]).await.unwrap()
    };
    for (changes, expected) in [
        (vec![(organization, 100), (account, 30)], [30, 100]),
        (vec![(organization, 50), (organization, 1), (account, -10)], [20, 151]),
        (vec![(organization, -151), (account, -21)], [0, 0]),
        (vec![(account, 5)], [5, 0]),
    ] {
        let mut changeset = fixture.changeset(fixture.home);
        for (holder, bytes) in changes {
            changeset.change_usage(holder, bytes);
        }
        fixture.store.commit(changeset).await.unwrap();
        assert_eq!(stored(fixture.home).await, expected);
    }
    assert_eq!(stored(other).await, [0, 0]);

    let attachment = fixture.create(fixture.home, EvidenceAttachment::example()).await;
    let mut refused = fixture.changeset(fixture.home);
    refused.create(&attachment);
    refused.change_usage(account, 7);
    assert!(fixture.store.commit(refused).await.is_err());
    assert_eq!(stored(fixture.home).await, [5, 0]);
}

/// Of writes at the same time, only those are stored after which their holder has no more than it may. What removes bytes
/// is stored in any case.
pub async fn concurrent_writes_never_exceed_a_limit_of_stored_bytes(fixture: Fixture) {
    let account = Ulid(7);
    let change = |bytes: i64, max: u64| {
        let mut changeset = fixture.changeset(fixture.home);
        changeset.change_usage(account, bytes);
        changeset.limit_usage(account, max);
        let store = Arc::clone(&fixture.store);
        async move { store.commit(changeset).await }
    };
    let is_refused = |result: &Result<(), CommitError>| match result {
        Ok(()) => false,
        Err(CommitError::Conflict(Conflict::Usage(holder))) => *holder == account,
        Err(error) => panic!("{error}"),
    };
    assert!(is_refused(&change(101, 100).await), "the first one");
    let mut refused = 0;
    for write in (0..8).map(|_| tokio::spawn(change(30, 100))).collect::<Vec<_>>() {
        refused += usize::from(is_refused(&write.await.unwrap()));
    }
    assert_eq!(refused, 5);
    assert_eq!(fixture.store.stored_bytes(fixture.home, &[account]).await.unwrap(), [90]);
    change(10, 100).await.unwrap();
    change(-1, 10).await.unwrap();
    assert_eq!(fixture.store.stored_bytes(fixture.home, &[account]).await.unwrap(), [99]);
}
