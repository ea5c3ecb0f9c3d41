//! The submission packages of the demo: each is created at its time, and the events about it bring it to its status.

use std::time::Duration;

use kernel::{Description, Organization, OrganizationRef, Reader, Reference, Stored, Timestamp};
use submissions::{
    NewSubmissionEvent,
    SubmissionEventKind::{self, Acceptance, Receipt, Rejection, Submission},
    SubmissionPackage, record_event,
};

use super::{
    people::{CONTROLLER, People},
    records::add_package,
};
use crate::{failure::Failure, operations::Operator};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The kind of an event, how many hours ago it was, the reference of the recipient and a note.
type Event = (SubmissionEventKind, u32, Option<&'static str>, &'static str);

/// The key of each package, how many hours ago it was created, and its events, the earliest first.
#[rustfmt::skip]
const PACKAGES: &[(&str, u32, &[Event])] = &[
    ("call-report-previous", 24 * 110, &[
        (Submission, 24 * 95, None, "Filed in the portal by the controller."),
        (Receipt, 24 * 95 - 1, Some("CUO-118824"), "Received by the portal."),
        (Acceptance, 24 * 93, None, "No questions."),
    ]),
    ("call-report-last", 24 * 18, &[
        (Submission, 24 * 3, None, "Filed in the portal by the controller."),
        (Receipt, 24 * 3 - 1, Some("CUO-121377"), "Received by the portal."),
        (Rejection, 20, None, "Schedule A does not add up: line 14 differs from the sum of the branches."),
    ]),
    ("incident-wire-desk", 24 * 22, &[
        (Submission, 24 * 21, None, "Sent 31 hours after recognition."),
        (Receipt, 24 * 21 - 2, Some("IR-2207"), "The examiner has it."),
    ]),
    ("incident-vendor-access", 30, &[
        (Submission, 2, None, "Sent 30 hours after recognition."),
    ]),
    ("card-attestation-scan", 24 * 9, &[]),
    ("card-attestation-yearly", 24 * 30, &[]),
];

/// A step of a package: its creation, or an event.
#[derive(Clone, Copy)]
pub(super) struct PackageStep {
    key: &'static str,
    /// The event; `None` for the creation.
    event: Option<Event>,
}

impl PackageStep {
    /// The steps of all packages, those of each in order, with the time that has passed since.
    pub(super) fn all() -> Vec<(Duration, Self)> {
        let of_package = |(key, created, events): &(&'static str, u32, &'static [Event])| {
            let (key, created) = (*key, HOUR * *created);
            let events = events.iter().map(move |event| (HOUR * event.1, Self { key, event: Some(*event) }));
            [(created, Self { key, event: None })].into_iter().chain(events)
        };
        PACKAGES.iter().flat_map(of_package).collect()
    }
}

/// The packages of the demo, for the requirements that are imported already.
pub(super) struct PackageHistory<'d> {
    operator: &'d Operator,
    workspace: &'d Stored<Organization>,
    people: &'d People,
    now: Timestamp,
}

impl<'d> PackageHistory<'d> {
    /// Begins the history.
    pub(super) const fn new(
        operator: &'d Operator,
        workspace: &'d Stored<Organization>,
        people: &'d People,
        now: Timestamp,
    ) -> Self {
        Self { operator, workspace, people, now }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// If a package is missing, an event is not allowed, or the store fails.
    pub(super) async fn run(&mut self, step: PackageStep) -> Result<(), Failure> {
        let Some((kind, hours_ago, reference, note)) = step.event else {
            let author = self.people.operator(self.operator, CONTROLLER, "The package is due in this period")?;
            return add_package(&author, self.workspace, step.key, self.now).await;
        };
        let author = self.people.operator(self.operator, CONTROLLER, "Kept up to date with the recipient")?;
        let (store, organization) = (&*author.installation.store, OrganizationRef::from(self.workspace));
        let event = NewSubmissionEvent {
            kind,
            occurred_at: self.now - HOUR * hours_ago,
            recipient_reference: reference.map(Reference::parse).transpose()?,
            note: Some(Description::parse(note)?),
        };
        let attribution = author.attribution();
        let context = author.write_context(&organization, &attribution);
        author
            .write(async || {
                let found = Reader::<SubmissionPackage>::get_by_keys(store, organization.id, &[step.key]).await?;
                let package =
                    found.into_iter().next().ok_or_else(|| Failure::new(format!("no package {}", step.key)))?;
                let (changeset, ..) =
                    record_event(&context, &api_v1::PayloadRenderer, store.begin_write(), &package, event.clone())?;
                Ok((changeset, ()))
            })
            .await
    }
}
