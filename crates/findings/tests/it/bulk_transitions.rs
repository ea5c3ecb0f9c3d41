use findings::{BulkTransition, Finding, Status, transition_batch};
use kernel::{Stored, Timestamp};

use crate::harness::{Harness, NOW, StatusRenderer, audit_actions, event_names};

#[test]
fn findings_are_closed_in_one_call_with_an_audit_entry_and_events_for_each() {
    let harness = Harness::new();
    let findings = [harness.finding("a", Status::Open), harness.finding("b", Status::Remediating)];
    let (changeset, changed) = transition_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        &findings,
        BulkTransition::Close,
    );
    assert_eq!(changed, findings.map(|finding| finding.meta.id));
    assert_eq!(audit_actions(&changeset), ["finding.batch_written", "finding.updated", "finding.updated"]);
    assert_eq!(
        event_names(&changeset),
        [
            "finding.updated >closed",
            "finding.status_changed open>closed",
            "finding.closed >closed",
            "finding.updated >verified",
            "finding.status_changed remediating>verified",
            "finding.updated >closed",
            "finding.status_changed verified>closed",
            "finding.closed >closed",
        ]
    );
    for write in changeset.writes() {
        let written = write.record.as_any().downcast_ref::<Finding>().unwrap();
        assert_eq!((written.status, written.closed_at), (Status::Closed, Some(Timestamp::from_millis(NOW))));
    }
    assert!(changeset.entries().iter().all(|entry| entry.reason.is_some()));
}

#[test]
fn only_findings_that_the_lifecycle_leads_there_are_changed() {
    use Status::{Accepted, Archived, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
    let harness = Harness::new();
    let findings: Vec<Stored<Finding>> =
        Status::ALL.iter().map(|status| harness.finding(status.name(), *status)).collect();
    let changed = |transition| {
        let (changeset, ids) =
            transition_batch(&harness.context(), &StatusRenderer, harness.write_timestamp(), &findings, transition);
        assert_eq!(changeset.writes().len(), ids.len());
        let statuses = findings.iter().filter(|finding| ids.contains(&finding.meta.id));
        statuses.map(|finding| finding.record.status).collect::<Vec<_>>()
    };
    assert_eq!(changed(BulkTransition::Close), [Open, Triaged, RemediationPlanned, Remediating, Verified]);
    assert_eq!(changed(BulkTransition::Accept), [Open, Triaged, RemediationPlanned, Remediating]);
    assert_eq!(changed(BulkTransition::Reopen), [Closed]);
    for (transition, unchanged) in
        [(BulkTransition::Close, [Accepted, Closed, Archived]), (BulkTransition::Accept, [Verified, Closed, Archived])]
    {
        assert!(unchanged.iter().all(|status| transition.steps(*status).is_empty()));
    }
}

#[test]
fn every_step_of_a_bulk_transition_is_a_transition_of_the_lifecycle() {
    for transition in [BulkTransition::Close, BulkTransition::Accept, BulkTransition::Reopen] {
        for status in Status::ALL {
            let mut from = *status;
            for step in transition.steps(*status) {
                assert!(from.allowed_next().contains(step), "{from:?} to {step:?}");
                from = *step;
            }
        }
    }
}
