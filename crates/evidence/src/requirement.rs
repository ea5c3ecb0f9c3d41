//! Evidence requirements: what an organization must be able to show, for example to an auditor.

use kernel::{Description, RecordKey, SubjectGroup, Title, record, string_enum};

record! {
    /// An evidence requirement.
    #[record(kind = EvidenceRequirement, prefix = "evreq", plural = "evidence_requirements")]
    pub struct EvidenceRequirement {
        /// The key of the requirement, unique in the organization.
        #[column(label("requirement_key"), key, example("backup-restore-test"))]
        pub key: RecordKey,
        /// The title of the requirement.
        #[column(title, example("Restore test of the core banking backup"))]
        pub title: Title,
        /// The description of what fulfills the requirement.
        #[column(example("The report of a restore test, not older than 90 days."))]
        pub description: Description,
        /// The subject that the evidence is about, such as a control.
        #[column(examples(["controls", "control", "ctrl_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The status of the requirement. Claims can be made only while it is active.
        #[column(filter(Many), example("active"))]
        pub status: EvidenceRequirementStatus,
    }
}

string_enum! {
    /// The status of an evidence requirement.
    EvidenceRequirementStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It is in force.
        Active = "active",
        /// It is no longer in force.
        Retired = "retired",
    }
}
