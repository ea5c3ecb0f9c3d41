//! The finding itself.

use kernel::{
    Column, Columns, Decoder, Description, Encoder, Field, Filter, Id, RecordKey, Reference, Scalar as _, ScalarValue,
    Severity, SubjectGroup, Timestamp, Title, record, string_enum,
};

/// The filter of a list of findings.
pub type FindingFilter = Filter<Finding>;

record! {
    /// A problem that needs attention.
    #[record(kind = Finding, prefix = "find", plural = "findings")]
    pub struct Finding {
        /// The key of the finding, unique in the organization. Scanners derive it from the problem, so that a second run
        /// finds the same finding again.
        #[column(label("finding_key"), key, example("java.sqli:src/Login.java:42"))]
        pub key: RecordKey,
        /// The title of the finding.
        #[column(title, example("SQL built from user input"))]
        pub title: Title,
        /// The description of the problem.
        #[column(example("The user name goes into the statement as it comes."))]
        pub description: Description,
        /// The severity of the finding.
        #[column(filter(Many), example("high"))]
        pub severity: Severity,
        /// The status of the finding.
        #[column(filter(Many), example("open"))]
        pub status: Status,
        /// The source of the finding.
        #[column(filter_on("source_kind", Many), examples(["module_signal", "semgrep", "portal", "rule", "java.sqli"]))]
        pub source: FindingSource,
        /// The thing that the finding is about.
        #[column(filter_on("subject_resource_id", Few), examples(["code", "location", "src/Login.java:42"]))]
        pub subject: Option<SubjectGroup>,
        /// The responsibility that owns the finding, in another system.
        #[column(filter(Few))]
        pub owner_responsibility_id: Option<Reference>,
        /// The member that owns the finding, in another system.
        #[column(filter(Few))]
        pub owner_member_user_id: Option<Reference>,
        /// The time by which the finding must be resolved.
        #[column(due_date, example("2026-06-24T14:00:00.000Z"))]
        pub due_at: Option<Timestamp>,
        /// The time since which the finding is closed or accepted.
        #[column(derived)]
        pub closed_at: Option<Timestamp>,
        /// The lifecycle that governs the finding, in another system. Callers can't set it.
        #[column(derived)]
        pub lifecycle_instance_id: Option<Reference>,
        /// The finding that this one is a duplicate of. Only a `verified_as_duplicate` event sets it.
        #[column(label("duplicate_of_finding_id"), derived)]
        pub duplicate_of: Option<Id<Finding>>,
    }
}

/// The source of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingSource {
    /// The way in which the finding was made.
    pub kind: SourceKind,
    /// The module or tool.
    pub module_key: Option<Reference>,
    /// The repository, image or other thing that the module examined.
    pub scope: Option<Reference>,
    /// The type of the resource in that module.
    pub resource_type: Option<Reference>,
    /// The identifier of the resource in that module.
    pub resource_id: Option<Reference>,
}

impl Field for FindingSource {
    const COLUMNS: Columns = Columns::EMPTY
        .with(Column::new::<SourceKind>("source_kind", false).described("The way in which the finding was made."))
        .with(Column::new::<Reference>("source_module_key", true).described("The module or tool that made it."))
        .with(Column::new::<Reference>("source_scope", true).described(
            "The repository, image or other thing that the module examined. On another one, it has another scope.",
        ))
        .with(
            Column::new::<Reference>("source_resource_type", true).described("The type of its source in that module."),
        )
        .with(Column::new::<Reference>("source_resource_id", true).described("The identifier of that source."));

    #[inline]
    fn encode<'r, E: Encoder<'r> + ?Sized>(&'r self, encoder: &mut E) {
        encoder.put(self.kind.value());
        for part in [&self.module_key, &self.scope, &self.resource_type, &self.resource_id] {
            encoder.put(part.as_ref().map_or(ScalarValue::Null, Reference::value));
        }
    }

    #[inline]
    fn decode<D: Decoder + ?Sized>(decoder: &mut D) -> Result<Self, D::Error> {
        let kind = SourceKind::decode(decoder);
        let [module_key, scope, resource_type, resource_id] = [(); 4].map(|()| Reference::decode_nullable(decoder));
        Ok(Self {
            kind: kind?,
            module_key: module_key?,
            scope: scope?,
            resource_type: resource_type?,
            resource_id: resource_id?,
        })
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
