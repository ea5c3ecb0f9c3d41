//! Exceptions: permissions to deviate from a control, a policy or a requirement for a limited time.

use kernel::{RecordKey, Reference, Timestamp, Title, VersionedSubjectGroup, record, string_enum};

record! {
    /// An exception.
    #[record(kind = Exception, prefix = "excp", plural = "exceptions")]
    pub struct Exception {
        /// The key of the exception, unique in the organization.
        #[column(label("exception_key"), key, example("EXC-31"))]
        pub key: RecordKey,
        /// The title of the exception.
        #[column(title, example("No multi-factor authentication on the legacy teller terminals"))]
        pub title: Title,
        /// The kind of the exception, in the organization's own words.
        #[column(filter(Many), example("policy-deviation"))]
        pub exception_kind: Reference,
        /// The status of the exception.
        #[column(filter(Many), example("active"))]
        pub status: ExceptionStatus,
        /// The thing that the exception is about.
        #[column(examples(["controls", "control", "ctrl_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<VersionedSubjectGroup>,
        /// The assignment of the responsibility that approves the exception, in another system.
        pub approver_responsibility_assignment_id: Option<Reference>,
        /// The time from which the exception applies.
        #[column(example("2026-05-25T14:00:00.000Z"))]
        pub valid_from: Timestamp,
        /// The time until which the exception applies.
        #[column(after("valid_from", "the beginning of the validity"), example("2026-11-25T14:00:00.000Z"))]
        pub valid_until: Timestamp,
        /// The time by which the exception must be reviewed.
        #[column(example("2026-08-25T14:00:00.000Z"))]
        pub review_due_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The status of an exception.
    ExceptionStatus = Proposed {
        /// It is requested.
        Proposed = "proposed",
        /// It is approved and does not apply yet.
        Approved = "approved",
        /// It applies.
        Active = "active",
        /// Its time is over.
        Expired = "expired",
        /// A later exception replaces it.
        Superseded = "superseded",
        /// It was withdrawn before its time was over.
        Revoked = "revoked",
        /// It is kept for the record only.
        Archived = "archived",
    }
}
