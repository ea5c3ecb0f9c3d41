//! Submission packages: what is submitted once for a requirement, such as the report of one quarter.

use kernel::{Id, RecordKey, Reference, Timestamp, Title, record, string_enum};

use crate::requirement::SubmissionRequirement;

record! {
    /// A submission package. Imports set its status, times and reference when they create it; later only commands and
    /// events do.
    #[record(kind = SubmissionPackage, prefix = "subpkg", plural = "submission_packages")]
    pub struct SubmissionPackage {
        /// The requirement that the package fulfills.
        #[column(filter(Few), example("subreq_01KSFQEHQ80000000000000002"))]
        pub submission_requirement_id: Id<SubmissionRequirement>,
        /// The key of the package, unique in the organization.
        #[column(label("package_key"), key, example("call-report-2026-q2"))]
        pub key: RecordKey,
        /// The title of the package.
        #[column(title, example("Call report for the second quarter of 2026"))]
        pub title: Title,
        /// The status of the package. Imports set it only when they create the package.
        #[column(filter(Many), create_only, example("acknowledged"))]
        pub status: SubmissionPackageStatus,
        /// The time by which the package must be submitted.
        #[column(due_date, example("2026-07-30T00:00:00.000Z"))]
        pub due_at: Option<Timestamp>,
        /// The time at which the package was submitted last.
        #[column(create_only, example("2026-05-25T14:00:00.000Z"))]
        pub submitted_at: Option<Timestamp>,
        /// The time at which the recipient confirmed the receipt of what was submitted last.
        #[column(create_only, example("2026-05-25T14:08:33.000Z"))]
        pub acknowledged_at: Option<Timestamp>,
        /// The time at which the recipient accepted or rejected what was submitted last.
        #[column(create_only)]
        pub decided_at: Option<Timestamp>,
        /// The identifier that the recipient gave to the package last, such as a case number.
        #[column(create_only, example("NCUA-2026-004711"))]
        pub recipient_reference: Option<Reference>,
    }
}

string_enum! {
    /// The status of a submission package in its lifecycle.
    SubmissionPackageStatus = Draft {
        /// It is being prepared.
        Draft = "draft",
        /// It is being reviewed.
        InReview = "in_review",
        /// It is approved, and can be submitted.
        Ready = "ready",
        /// It was submitted.
        Submitted = "submitted",
        /// The recipient has confirmed the receipt.
        Acknowledged = "acknowledged",
        /// The recipient has accepted it.
        Accepted = "accepted",
        /// The recipient has rejected it.
        Rejected = "rejected",
        /// It was withdrawn.
        Withdrawn = "withdrawn",
        /// It is kept for the record only.
        Archived = "archived",
    }
}
