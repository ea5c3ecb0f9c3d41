//! The finding record.

use std::collections::BTreeSet;

use kernel::{
    AuditFields, Criteria, Description, FieldValue, HasIdPrefix, Id, Kind, RecordKey, Reference, Resource, Stored,
    SubjectGroup, Timestamp, Title, string_enum,
};

/// A finding: a problem that a scan, a review or a person found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The key, unique in the organization; scanners derive it from the problem, so that a repeated scan finds the same
    /// finding again.
    pub key: RecordKey,
    /// The title.
    pub title: Title,
    /// The description of the problem.
    pub description: Description,
    /// The severity.
    pub severity: Severity,
    /// The status in the lifecycle.
    pub status: Status,
    /// The origin of the finding.
    pub source: FindingSource,
    /// The resource that the finding is about.
    pub subject: Option<SubjectGroup>,
    /// The responsibility that owns it; a reference to another module.
    pub owner_responsibility_id: Option<Reference>,
    /// The member that owns it; a reference to another module.
    pub owner_member_user_id: Option<Reference>,
    /// The due date.
    pub due_at: Option<Timestamp>,
    /// When it was closed or accepted; `None` in other statuses.
    pub closed_at: Option<Timestamp>,
    /// The lifecycle instance that governs it; a reference to another module that callers can't set.
    pub lifecycle_instance_id: Option<Reference>,
    /// The original of a duplicate; set only by [`crate::EventKind::VerifiedAsDuplicate`].
    pub duplicate_of: Option<Id<Finding>>,
}

/// The origin of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingSource {
    /// The kind of source.
    pub kind: SourceKind,
    /// The module or tool that reported it.
    pub module_key: Option<Reference>,
    /// The type of the source resource in that module.
    pub resource_type: Option<Reference>,
    /// The identifier of the source resource.
    pub resource_id: Option<Reference>,
}

string_enum! {
    /// The severity of a finding, in ascending order.
    Severity {
        /// For information.
        Info = "info",
        /// Minor harm.
        Low = "low",
        /// Moderate harm.
        Medium = "medium",
        /// Serious harm.
        High = "high",
        /// Harm that requires immediate action.
        Critical = "critical",
    }
}

string_enum! {
    /// The kind of source that a finding comes from.
    SourceKind {
        /// An assessment.
        Assessment = "assessment",
        /// An audit.
        Audit = "audit",
        /// Missing evidence.
        EvidenceGap = "evidence_gap",
        /// A missing control.
        ControlGap = "control_gap",
        /// An unmet obligation.
        ObligationGap = "obligation_gap",
        /// A risk review.
        RiskReview = "risk_review",
        /// A person.
        Manual = "manual",
        /// Another module or tool, such as a scanner.
        ModuleSignal = "module_signal",
    }
}

string_enum! {
    /// The status of a finding in its lifecycle.
    Status {
        /// Recorded, and not assessed yet.
        Open = "open",
        /// Assessed.
        Triaged = "triaged",
        /// The remediation is planned.
        RemediationPlanned = "remediation_planned",
        /// The remediation is in progress.
        Remediating = "remediating",
        /// The remediation is done and was verified.
        Verified = "verified",
        /// The finding is resolved.
        Closed = "closed",
        /// The risk is accepted without remediation.
        Accepted = "accepted",
        /// Archived; no further change is possible.
        Archived = "archived",
    }
}

impl HasIdPrefix for Finding {
    const PREFIX: &'static str = "find";
}

impl Resource for Finding {
    const KIND: Kind = Kind::Finding;
    type Filter = FindingFilter;

    fn unique_key(&self) -> Option<&str> {
        Some(self.key.as_str())
    }
}

impl AuditFields for Finding {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let subject = self.subject.as_ref();
        vec![
            ("finding_key", FieldValue::Text(self.key.to_string())),
            ("title", FieldValue::Text(self.title.to_string())),
            ("description", FieldValue::Text(self.description.to_string())),
            ("severity", FieldValue::Text(self.severity.name().to_owned())),
            ("status", FieldValue::Text(self.status.name().to_owned())),
            ("source_kind", FieldValue::Text(self.source.kind.name().to_owned())),
            ("source_module_key", self.source.module_key.as_ref().into()),
            ("source_resource_type", self.source.resource_type.as_ref().into()),
            ("source_resource_id", self.source.resource_id.as_ref().into()),
            ("subject_module_key", subject.map(|subject| &subject.module_key).into()),
            ("subject_resource_type", subject.map(|subject| &subject.resource_type).into()),
            ("subject_resource_id", subject.map(|subject| &subject.resource_id).into()),
            ("owner_responsibility_id", self.owner_responsibility_id.as_ref().into()),
            ("owner_member_user_id", self.owner_member_user_id.as_ref().into()),
            ("due_at", self.due_at.into()),
            ("closed_at", self.closed_at.into()),
            ("lifecycle_instance_id", self.lifecycle_instance_id.as_ref().into()),
            ("duplicate_of_finding_id", self.duplicate_of.into()),
        ]
    }
}

/// A filter for lists of findings. An empty set matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// The statuses.
    pub statuses: BTreeSet<Status>,
    /// The severities.
    pub severities: BTreeSet<Severity>,
    /// The kinds of source.
    pub source_kinds: BTreeSet<SourceKind>,
    /// The resource ids of their subjects.
    pub subject_resource_ids: BTreeSet<Reference>,
    /// The keys.
    pub keys: BTreeSet<RecordKey>,
}

impl Criteria<Finding> for FindingFilter {
    fn matches(&self, stored: &Stored<Finding>) -> bool {
        fn matches_set<T: Ord>(set: &BTreeSet<T>, value: Option<&T>) -> bool {
            set.is_empty() || value.is_some_and(|value| set.contains(value))
        }
        let finding = &stored.record;
        matches_set(&self.statuses, Some(&finding.status))
            && matches_set(&self.severities, Some(&finding.severity))
            && matches_set(&self.source_kinds, Some(&finding.source.kind))
            && matches_set(&self.subject_resource_ids, finding.subject.as_ref().map(|subject| &subject.resource_id))
            && matches_set(&self.keys, Some(&finding.key))
    }
}
