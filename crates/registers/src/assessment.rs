//! Assessments: examinations of controls, suppliers, systems or whole frameworks by a person.

mod command;
mod completion;

use kernel::{Description, RecordKey, Reference, Timestamp, Title, VersionedSubjectGroup, record, string_enum};

pub use command::{AssessmentCommand, AssessmentError, change_assessment};
pub use completion::{AssessmentCompletion, CompletionRenderer, publish_completion};

record! {
    /// An assessment. Imports set its status and the time of its completion when they create it; later only commands do.
    #[record(kind = Assessment, prefix = "asmt", plural = "assessments")]
    pub struct Assessment {
        /// The key of the assessment, unique in the organization.
        #[column(label("assessment_key"), key, example("ASM-2026-Q2"))]
        pub key: RecordKey,
        /// The title of the assessment.
        #[column(title, example("Second quarter review of privileged access"))]
        pub title: Title,
        /// The scope and the method of the assessment.
        #[column(example("All privileged accounts of core systems."))]
        pub description: Description,
        /// The status of the assessment.
        #[column(filter(Many), create_only, example("in-progress"))]
        pub status: AssessmentStatus,
        /// The thing that the assessment is about.
        #[column(examples(["controls", "control", "ctrl_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<VersionedSubjectGroup>,
        /// The assignment of the responsibility that assesses, in another system.
        pub assessor_responsibility_assignment_id: Option<Reference>,
        /// The assignment of the responsibility that reviews the assessment, in another system.
        pub reviewer_responsibility_assignment_id: Option<Reference>,
        /// The time at which the assessment was completed.
        #[column(create_only)]
        pub completed_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The status of an assessment.
    AssessmentStatus = Planned {
        /// It is planned.
        Planned = "planned",
        /// It is being carried out.
        InProgress = "in-progress",
        /// It is completed.
        Completed = "completed",
        /// A later assessment replaces it.
        Superseded = "superseded",
        /// It is kept for the record only.
        Archived = "archived",
    }
}
