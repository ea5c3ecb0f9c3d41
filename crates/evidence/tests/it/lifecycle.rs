use evidence::{
    EvidenceClaim,
    EvidenceClaimStatus::{self, Approved, Expired, Pending, Rejected, Withdrawn},
    EvidenceError, approve, expire, reject, withdraw,
};
use kernel::{Changeset, Description, Stored};
use write_harness::{NOW, WriteHarness, audit_actions, published};

use crate::harness::{StatusRenderer, claim, time};

/// The status after a command; `None` if it is refused. It is repeated here so that a mistake in either table shows.
fn is_allowed(from: EvidenceClaimStatus, to: EvidenceClaimStatus) -> bool {
    matches!((from, to), (Pending, Approved | Rejected | Expired | Withdrawn) | (Approved, Expired | Withdrawn))
}

fn note() -> Description {
    Description::parse("Matches the job log.").unwrap()
}

fn change(
    harness: &WriteHarness,
    current: &Stored<EvidenceClaim>,
    to: EvidenceClaimStatus,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let (context, timestamp) = (harness.context(), harness.write_timestamp());
    match to {
        Approved => approve(&context, &StatusRenderer, timestamp, current, Some(note())),
        Rejected => reject(&context, &StatusRenderer, timestamp, current, Some(note())),
        Withdrawn => withdraw(&context, timestamp, current),
        Expired => expire(&context, timestamp, current),
        Pending => panic!("no command leads back to pending"),
    }
}

#[test]
fn every_command_moves_every_status_as_documented_or_is_refused() {
    let harness = WriteHarness::default();
    for from in EvidenceClaimStatus::ALL {
        for to in [Approved, Rejected, Expired, Withdrawn] {
            let mut current = claim(&harness, *from);
            current.record.valid_until = (to == Expired).then(|| time(-1));
            let outcome = change(&harness, &current, to);
            if is_allowed(*from, to) {
                let (changeset, after) = outcome.unwrap();
                assert_eq!(after.record.status, to, "{from:?} to {to:?}");
                assert_eq!(after.meta.revision, current.meta.revision.next());
                assert_eq!(audit_actions(&changeset), [format!("evidence_claim.{}", to.name())]);
                assert_eq!(changeset.writes().len(), 1);
            } else {
                assert_eq!(outcome.unwrap_err(), EvidenceError::Transition { from: *from, to });
            }
            assert_eq!(from.allowed_next().contains(&to), is_allowed(*from, to));
        }
    }
}

#[test]
fn a_review_sets_its_time_and_its_note_and_publishes_an_event() {
    let harness = WriteHarness::default();
    for to in [Approved, Rejected] {
        let current = claim(&harness, Pending);
        let (changeset, after) = change(&harness, &current, to).unwrap();
        assert_eq!((after.record.reviewed_at, after.record.review_note.clone()), (Some(NOW), Some(note())));
        assert_eq!(published(&changeset), [format!("evidence.claim.{0} {0}", to.name())]);
        let changed: Vec<_> = changeset.entries()[0].changes.iter().map(|change| &*change.field).collect();
        assert_eq!(changed, ["status", "reviewed_at", "review_note"]);
    }
}

#[test]
fn a_withdrawal_and_the_end_of_the_validity_leave_the_review_as_it_is_and_publish_nothing() {
    let harness = WriteHarness::default();
    for to in [Withdrawn, Expired] {
        let mut current = claim(&harness, Approved);
        current.record.reviewed_at = Some(time(-30));
        current.record.review_note = Some(note());
        current.record.valid_until = Some(time(0));
        let (changeset, after) = change(&harness, &current, to).unwrap();
        assert_eq!(after.record, EvidenceClaim { status: to, ..current.record });
        assert_eq!(changeset.events(), []);
    }
}

#[test]
fn a_claim_expires_at_the_end_of_its_validity_and_not_before() {
    let harness = WriteHarness::default();
    for (valid_until, is_over) in [(None, false), (Some(time(1)), false), (Some(time(0)), true), (Some(time(-1)), true)]
    {
        let mut current = claim(&harness, Approved);
        current.record.valid_until = valid_until;
        match change(&harness, &current, Expired) {
            Ok((_, after)) => assert!(is_over && after.record.status == Expired),
            Err(error) => assert_eq!((error, is_over), (EvidenceError::StillValid, false)),
        }
    }
}

#[test]
fn a_claim_whose_validity_has_ended_can_be_rejected_but_not_approved() {
    let harness = WriteHarness::default();
    let mut current = claim(&harness, Pending);
    current.record.valid_until = Some(time(0));
    assert_eq!(change(&harness, &current, Approved).unwrap_err(), EvidenceError::ValidityEnded(time(0)));
    assert_eq!(change(&harness, &current, Rejected).unwrap().1.record.status, Rejected);
    current.record.valid_until = Some(time(1));
    assert_eq!(change(&harness, &current, Approved).unwrap().1.record.status, Approved);
}

#[test]
fn an_import_changes_a_claim_only_while_it_is_pending() {
    let harness = WriteHarness::default();
    for status in EvidenceClaimStatus::ALL {
        let current = claim(&harness, *status).record;
        assert_eq!(current.check_import_onto(&current), Ok(()));
        let changed = EvidenceClaim { description: Some(note()), ..current.clone() };
        let expected = if *status == Pending { Ok(()) } else { Err(EvidenceError::Settled(*status)) };
        assert_eq!(changed.check_import_onto(&current), expected);
    }
}
