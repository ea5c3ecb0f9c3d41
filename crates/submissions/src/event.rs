//! Events: reports about a submission package, for example by the portal of the recipient.

use kernel::{Description, Id, Reference, Timestamp, record, string_enum};

use crate::package::SubmissionPackage;

record! {
    /// An event that was reported about a submission package. It never changes.
    #[record(kind = SubmissionEvent, prefix = "subev", plural = "submission_events")]
    pub struct SubmissionEvent {
        /// The package that the event is about.
        #[column(filter(Few), example("subpkg_01KSFQEHQ80000000000000002"))]
        pub submission_package_id: Id<SubmissionPackage>,
        /// The kind of the event.
        #[column(label("event_kind"), example("receipt"))]
        pub kind: SubmissionEventKind,
        /// The time of the event according to the reporter.
        #[column(example("2026-05-25T14:08:33.000Z"))]
        pub occurred_at: Timestamp,
        /// The identifier that the recipient gave to the package, such as a case number.
        #[column(example("NCUA-2026-004711"))]
        pub recipient_reference: Option<Reference>,
        /// The reporter's note.
        #[column(example("Received by the portal without errors."))]
        pub note: Option<Description>,
    }
}

string_enum! {
    /// The kinds of events that can be recorded about a submission package.
    SubmissionEventKind {
        /// The package was submitted.
        Submission = "submission",
        /// The recipient confirmed the receipt.
        Receipt = "receipt",
        /// The recipient accepted the package.
        Acceptance = "acceptance",
        /// The recipient rejected the package.
        Rejection = "rejection",
        /// The package was withdrawn.
        Withdrawal = "withdrawal",
        /// The package was submitted again.
        Resubmission = "resubmission",
        /// A comment, which does not change the package.
        Comment = "comment",
    }
}
