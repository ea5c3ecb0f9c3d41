//! Properties of any sequence of events.

use kernel::Stored;
use proptest::{collection::vec, option, prelude::*, sample::select};
use submissions::{
    NewSubmissionEvent, SubmissionEventKind, SubmissionPackage,
    SubmissionPackageStatus::{self, Accepted, Acknowledged, Rejected, Submitted, Withdrawn},
};
use write_harness::WriteHarness;

use crate::{
    harness::{event, package, record_event, reference},
    lifecycle::status_after,
};

fn any_event() -> impl Strategy<Value = NewSubmissionEvent> {
    let references = option::of(select(&["case-1", "case-2"][..]));
    (select(SubmissionEventKind::ALL), -1_000..1_000_i64, references).prop_map(|(kind, second, given)| {
        NewSubmissionEvent { recipient_reference: given.map(reference), ..event(kind, second) }
    })
}

/// Whether the times of the package are those that its status implies, if all its events were recorded.
fn times_match_status(package: &SubmissionPackage) -> bool {
    let SubmissionPackage { status, submitted_at, acknowledged_at, decided_at, .. } = package;
    let [was_submitted, was_acknowledged, was_decided] =
        [submitted_at, acknowledged_at, decided_at].map(Option::is_some);
    match status {
        Submitted => was_submitted && !was_acknowledged && !was_decided,
        Acknowledged => was_submitted && was_acknowledged && !was_decided,
        Accepted | Rejected => was_submitted && was_decided,
        Withdrawn => was_submitted,
        _ => !was_submitted && !was_acknowledged && !was_decided,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_sequence_of_events_keeps_status_times_and_revision_together(
        events in vec(any_event(), 0..40),
        start in select(&[SubmissionPackageStatus::Draft, SubmissionPackageStatus::InReview, SubmissionPackageStatus::Ready][..]),
    ) {
        let harness = WriteHarness::default();
        let mut current: Stored<SubmissionPackage> = package(&harness, start);
        for new in events {
            let expected = status_after(new.kind, current.record.status);
            match record_event(&harness, &current, new.clone()) {
                Err(error) => {
                    prop_assert_eq!(expected, None);
                    prop_assert_eq!((error.event, error.from), (new.kind, current.record.status));
                }
                Ok((changeset, recorded, after)) => {
                    let moved = after.record.status != current.record.status;
                    prop_assert_eq!(Some(after.record.status), expected);
                    prop_assert!(times_match_status(&after.record), "{:?}", after.record);
                    prop_assert_eq!(moved, after.meta.revision != current.meta.revision);
                    prop_assert_eq!(changeset.events().len(), if moved { 2 } else { 1 });
                    prop_assert_eq!(changeset.writes().len(), if moved { 2 } else { 1 });
                    prop_assert_eq!(recorded.record.occurred_at, new.occurred_at);
                    let constant = |package: &SubmissionPackage| (package.key.clone(), package.title.clone(), package.due_at);
                    prop_assert_eq!(constant(&after.record), constant(&current.record));
                    current = after;
                }
            }
        }
    }
}
