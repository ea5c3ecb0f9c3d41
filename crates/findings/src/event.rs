//! Events: reports about a finding from outside.

use kernel::{Description, Filter, Id, Reference, Timestamp, record, string_enum};

use crate::finding::{Finding, Status};

/// The filter of a list of events.
pub type FindingEventFilter = Filter<FindingEvent>;

record! {
    /// An event that was reported about a finding, for example by the tracker that mirrors it. It never changes.
    #[record(kind = FindingEvent, prefix = "findev", plural = "finding_events")]
    pub struct FindingEvent {
        /// The finding that the event is about.
        #[column(filter(Few), example("find_01KSFQEHQ80000000000000003"))]
        pub finding_id: Id<Finding>,
        /// The type of the event.
        #[column(label("event_type"), example("verified_as_duplicate"))]
        pub kind: EventKind,
        /// The reporter's note.
        pub note: Option<Description>,
        /// The identifier of the event in another system, such as a ticket.
        #[column(example("INC0012345"))]
        pub external_reference: Option<Reference>,
        /// The finding that this one is a duplicate of, for `verified_as_duplicate`.
        #[column(label("duplicate_of_finding_id"))]
        pub duplicate_of: Option<Id<Finding>>,
        /// The time of the event according to the reporter.
        #[column(example("2026-05-25T14:08:33.000Z"))]
        pub occurred_at: Timestamp,
    }
}

string_enum! {
    /// The kinds of events that can be reported.
    EventKind {
        /// Somebody took note of the finding.
        Acknowledged = "acknowledged",
        /// Remediation has started.
        RemediationReported = "remediation_reported",
        /// The finding duplicates another finding, or an entry in an external system.
        VerifiedAsDuplicate = "verified_as_duplicate",
        /// The problem is resolved, and the resolution was verified.
        VerifiedAsResolved = "verified_as_resolved",
        /// The problem has reappeared.
        Reopened = "reopened",
        /// A comment, which does not change the status.
        Comment = "comment",
    }
}

impl EventKind {
    /// The statuses in which an event of this kind can be reported.
    #[must_use]
    pub const fn allowed_from(self) -> &'static [Status] {
        use Status::{Accepted, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
        match self {
            Self::Acknowledged => &[Open],
            Self::RemediationReported => &[Open, Triaged, RemediationPlanned],
            Self::VerifiedAsDuplicate => &[Open, Triaged, RemediationPlanned, Remediating, Verified, Closed, Accepted],
            Self::VerifiedAsResolved => &[Remediating, Verified],
            Self::Reopened => &[Closed, Accepted],
            Self::Comment => Status::ALL,
        }
    }
}

impl Status {
    /// The kinds of events that can be reported about a finding with this status.
    pub fn allowed_events(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(move |kind| kind.allowed_from().contains(&self))
    }
}
