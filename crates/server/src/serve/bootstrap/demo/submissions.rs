//! The events of the submission packages of the demo, which bring each package to its status.

use std::time::Duration;

use kernel::{Description, Organization, OrganizationRef, Reader, Reference, Stored, Timestamp, WriteContext};
use submissions::{
    NewSubmissionEvent,
    SubmissionEventKind::{self, Acceptance, Receipt, Rejection, Submission},
    SubmissionPackage, record_event,
};

use crate::{failure::Failure, operations::Operator};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The kind of an event, how many hours ago it was, the reference of the recipient and a note.
type Event = (SubmissionEventKind, u32, Option<&'static str>, &'static str);

/// The key of each package that has events, and the events, the earliest first.
#[rustfmt::skip]
const EVENTS: &[(&str, &[Event])] = &[
    ("call-report-previous", &[
        (Submission, 24 * 95, None, "Filed in the portal by the controller."),
        (Receipt, 24 * 95 - 1, Some("CUO-118824"), "Received by the portal."),
        (Acceptance, 24 * 93, None, "No questions."),
    ]),
    ("call-report-last", &[
        (Submission, 24 * 3, None, "Filed in the portal by the controller."),
        (Receipt, 24 * 3 - 1, Some("CUO-121377"), "Received by the portal."),
        (Rejection, 20, None, "Schedule A does not add up: line 14 differs from the sum of the branches."),
    ]),
    ("incident-wire-desk", &[
        (Submission, 24 * 21, None, "Sent 31 hours after recognition."),
        (Receipt, 24 * 21 - 2, Some("IR-2207"), "The examiner has it."),
    ]),
    ("incident-vendor-access", &[
        (Submission, 2, None, "Sent 30 hours after recognition."),
    ]),
];

/// Records the events of the packages, which are imported already.
///
/// # Errors
/// If a package is missing, an event is not allowed, or the store fails.
pub(super) async fn add_events(operator: &Operator, workspace: &Stored<Organization>) -> Result<(), Failure> {
    let (store, now) = (&operator.installation.store, operator.installation.clock.now());
    let (organization, attribution) = (OrganizationRef::from(workspace), operator.attribution());
    let context = operator.write_context(&organization, &attribution);
    for (key, events) in EVENTS {
        let found = Reader::<SubmissionPackage>::get_by_keys(&**store, organization.id, &[key]).await?;
        let package = found.into_iter().next().ok_or_else(|| Failure::new(format!("no package {key}")))?;
        record_events(operator, &context, package, events, now).await?;
    }
    Ok(())
}

/// Records the events of one package, the earliest first.
async fn record_events(
    operator: &Operator,
    context: &WriteContext<'_>,
    mut package: Stored<SubmissionPackage>,
    events: &[Event],
    now: Timestamp,
) -> Result<(), Failure> {
    for (kind, hours_ago, reference, note) in events {
        let event = NewSubmissionEvent {
            kind: *kind,
            occurred_at: now - HOUR * *hours_ago,
            recipient_reference: reference.map(Reference::parse).transpose()?,
            note: Some(Description::parse(note)?),
        };
        package = operator
            .write(async || {
                let timestamp = operator.installation.store.begin_write();
                let (changeset, _, package) =
                    record_event(context, &api_v1::PayloadRenderer, timestamp, &package, event.clone())?;
                Ok((changeset, package))
            })
            .await?;
    }
    Ok(())
}
