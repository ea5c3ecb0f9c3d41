//! The finding itself.

use std::collections::BTreeSet;

use kernel::{
    Criteria, Description, FieldValue, Fields, Id, Kind, Named, RecordKey, Reference, Resource, Stored, SubjectGroup,
    Timestamp, Title, words,
};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Its key, unique in the organization; scanners derive it from what they found, so that a second run finds it again.
    pub key: RecordKey,
    /// What people call it.
    pub title: Title,
    /// What was found.
    pub description: Description,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub status: Status,
    /// Where it came from.
    pub source: FindingSource,
    /// What it is about.
    pub subject: Option<SubjectGroup>,
    /// Which responsibility answers for it, kept elsewhere.
    pub owner_responsibility_id: Option<Reference>,
    /// Which member answers for it, kept elsewhere.
    pub owner_member_user_id: Option<Reference>,
    /// Until when it is to be dealt with.
    pub due_at: Option<Timestamp>,
    /// Since when it is closed or accepted.
    pub closed_at: Option<Timestamp>,
    /// Which lifecycle governs it, kept elsewhere; not set by callers.
    pub lifecycle_instance_id: Option<Reference>,
    /// Which finding it repeats; set by [`crate::EventKind::VerifiedAsDuplicate`] alone.
    pub duplicate_of: Option<Id<Finding>>,
}

/// Where a finding came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingSource {
    /// By which way.
    pub kind: SourceKind,
    /// From which module or tool.
    pub module_key: Option<Reference>,
    /// From which type of resource there.
    pub resource_type: Option<Reference>,
    /// From which one.
    pub resource_id: Option<Reference>,
}

words! {
    /// How bad a finding is, least first.
    Severity {
        /// Worth knowing.
        Info = "info",
        /// Little harm.
        Low = "low",
        /// Some harm.
        Medium = "medium",
        /// Great harm.
        High = "high",
        /// Harm that can't wait.
        Critical = "critical",
    }
}

words! {
    /// By which way a finding came to be known.
    SourceKind {
        /// An assessment.
        Assessment = "assessment",
        /// An audit.
        Audit = "audit",
        /// Evidence that is missing.
        EvidenceGap = "evidence_gap",
        /// A control that is missing.
        ControlGap = "control_gap",
        /// An obligation that is not met.
        ObligationGap = "obligation_gap",
        /// A review of risks.
        RiskReview = "risk_review",
        /// Somebody.
        Manual = "manual",
        /// Another module or tool, such as a scanner.
        ModuleSignal = "module_signal",
    }
}

words! {
    /// Where a finding stands.
    Status {
        /// Found.
        Open = "open",
        /// Looked at.
        Triaged = "triaged",
        /// What to do is settled.
        RemediationPlanned = "remediation_planned",
        /// It is being done.
        Remediating = "remediating",
        /// It was done, and somebody made sure.
        Verified = "verified",
        /// Over.
        Closed = "closed",
        /// It stays, knowingly.
        Accepted = "accepted",
        /// Out of sight.
        Archived = "archived",
    }
}

impl Named for Finding {
    const PREFIX: &'static str = "find";
}

impl Resource for Finding {
    const KIND: Kind = Kind::Finding;
    type Filter = FindingFilter;

    fn unique_key(&self) -> Option<&str> {
        Some(self.key.as_str())
    }
}

impl Fields for Finding {
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

/// What a list of findings can be narrowed by. An empty set means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Where they stand.
    pub statuses: BTreeSet<Status>,
    /// How bad they are.
    pub severities: BTreeSet<Severity>,
    /// By which way they came to be known.
    pub source_kinds: BTreeSet<SourceKind>,
    /// What they are about: the subject's resource id.
    pub subject_resource_ids: BTreeSet<Reference>,
    /// Their keys.
    pub keys: BTreeSet<RecordKey>,
}

impl Criteria<Finding> for FindingFilter {
    fn matches(&self, stored: &Stored<Finding>) -> bool {
        fn within<T: Ord>(set: &BTreeSet<T>, value: Option<&T>) -> bool {
            set.is_empty() || value.is_some_and(|value| set.contains(value))
        }
        let finding = &stored.record;
        within(&self.statuses, Some(&finding.status))
            && within(&self.severities, Some(&finding.severity))
            && within(&self.source_kinds, Some(&finding.source.kind))
            && within(&self.subject_resource_ids, finding.subject.as_ref().map(|subject| &subject.resource_id))
            && within(&self.keys, Some(&finding.key))
    }
}
