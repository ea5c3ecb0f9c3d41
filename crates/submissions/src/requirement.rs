//! Submission requirements: the reports, notices and attestations that an organization owes to somebody.

use kernel::{RecordKey, Title, record, string_enum};

record! {
    /// A submission requirement.
    #[record(kind = SubmissionRequirement, prefix = "subreq", plural = "submission_requirements")]
    pub struct SubmissionRequirement {
        /// The key of the requirement, unique in the organization.
        #[column(label("requirement_key"), key, example("call-report"))]
        pub key: RecordKey,
        /// The title of the requirement.
        #[column(title, example("Quarterly call report"))]
        pub title: Title,
        /// The kind of what is submitted.
        #[column(example("regulator_report"))]
        pub submission_kind: SubmissionKind,
        /// The name of the recipient, such as a regulator.
        #[column(example("National Credit Union Administration"))]
        pub recipient_name: Option<Title>,
        /// The rhythm of the submissions, in the organization's own words.
        #[column(example("quarterly"))]
        pub cadence: Option<Title>,
        /// The status of the requirement.
        #[column(filter(Many), example("active"))]
        pub status: SubmissionRequirementStatus,
    }
}

string_enum! {
    /// The kind of what is submitted.
    SubmissionKind {
        /// A report to a regulator.
        RegulatorReport = "regulator_report",
        /// The notice of an incident.
        IncidentNotification = "incident_notification",
        /// An attestation for a certification.
        CertificationAttestation = "certification_attestation",
        /// An answer to a customer's questions about assurance.
        CustomerAssuranceResponse = "customer_assurance_response",
        /// A statement of the management.
        ManagementStatement = "management_statement",
        /// A disclosure to the public or to investors.
        Disclosure = "disclosure",
    }
}

string_enum! {
    /// The status of a submission requirement.
    SubmissionRequirementStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It is in force.
        Active = "active",
        /// It is no longer in force.
        Retired = "retired",
        /// It is kept for the record only.
        Archived = "archived",
    }
}
