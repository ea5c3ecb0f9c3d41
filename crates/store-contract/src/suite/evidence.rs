//! Attachments and contents, and the due work on evidence across organizations.

use std::time::Duration;

use evidence::{AttachmentStatus, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus, EvidenceContent};
use kernel::{OrganizationId, Record as _, Timestamp};

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
