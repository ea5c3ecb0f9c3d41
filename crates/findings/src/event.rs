//! Events that are reported about findings.

use kernel::{
    AuditFields, Criteria, Description, FieldValue, HasIdPrefix, Id, Kind, Reference, Resource, Stored, Timestamp,
    string_enum,
};

use crate::finding::Finding;

/// An event that was reported about a finding, for example by the issue tracker that mirrors it. Events are immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingEvent {
    /// The finding that the event is about.
    pub finding: Id<Finding>,
    /// The kind of event.
    pub kind: EventKind,
    /// A note by the reporter.
    pub note: Option<Description>,
    /// A reference in an external system, for example a ticket number.
    pub external_reference: Option<Reference>,
    /// The original finding, for [`EventKind::VerifiedAsDuplicate`].
    pub duplicate_of: Option<Id<Finding>>,
    /// When the event happened, according to the reporter.
    pub occurred_at: Timestamp,
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

impl HasIdPrefix for FindingEvent {
    const PREFIX: &'static str = "findev";
}

impl Resource for FindingEvent {
    const KIND: Kind = Kind::FindingEvent;
    type Filter = FindingEventFilter;

    fn unique_key(&self) -> Option<&str> {
        None
    }
}

impl AuditFields for FindingEvent {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("event_type", FieldValue::Text(self.kind.name().to_owned())),
            ("event_note", self.note.as_ref().into()),
            ("event_external_reference", self.external_reference.as_ref().into()),
            ("event_duplicate_of_finding_id", self.duplicate_of.into()),
            ("event_occurred_at", Some(self.occurred_at).into()),
        ]
    }
}

/// A filter for lists of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingEventFilter {
    /// The finding that the events are about; `None` matches all.
    pub finding: Option<Id<Finding>>,
}

impl Criteria<FindingEvent> for FindingEventFilter {
    fn matches(&self, stored: &Stored<FindingEvent>) -> bool {
        self.finding.is_none_or(|finding| finding == stored.record.finding)
    }
}
