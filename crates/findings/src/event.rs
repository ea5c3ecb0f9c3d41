//! What was reported about a finding.

use kernel::{
    Criteria, Description, FieldValue, Fields, Id, Kind, Named, Reference, Resource, Stored, Timestamp, words,
};

use crate::finding::Finding;

/// Something reported about a finding, such as by the tracker that mirrors it. Never changed once recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingEvent {
    /// About which finding.
    pub finding: Id<Finding>,
    /// What was reported.
    pub kind: EventKind,
    /// In whose words.
    pub note: Option<Description>,
    /// What names it outside: a ticket, say.
    pub external_reference: Option<Reference>,
    /// Which finding it repeats, for [`EventKind::VerifiedAsDuplicate`].
    pub duplicate_of: Option<Id<Finding>>,
    /// When it happened, by the reporter's account.
    pub occurred_at: Timestamp,
}

words! {
    /// What can be reported.
    EventKind {
        /// It was seen.
        Acknowledged = "acknowledged",
        /// It is being dealt with.
        RemediationReported = "remediation_reported",
        /// It repeats another finding, or something known elsewhere.
        VerifiedAsDuplicate = "verified_as_duplicate",
        /// It is over, and somebody made sure.
        VerifiedAsResolved = "verified_as_resolved",
        /// It is back.
        Reopened = "reopened",
        /// Something to be known; moves nothing.
        Comment = "comment",
    }
}

impl Named for FindingEvent {
    const PREFIX: &'static str = "findev";
}

impl Resource for FindingEvent {
    const KIND: Kind = Kind::FindingEvent;
    type Filter = FindingEventFilter;

    fn unique_key(&self) -> Option<&str> {
        None
    }
}

impl Fields for FindingEvent {
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

/// What a list of events can be narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingEventFilter {
    /// About which finding; any where `None`.
    pub finding: Option<Id<Finding>>,
}

impl Criteria<FindingEvent> for FindingEventFilter {
    fn matches(&self, stored: &Stored<FindingEvent>) -> bool {
        self.finding.is_none_or(|finding| finding == stored.record.finding)
    }
}
