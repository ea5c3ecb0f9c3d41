//! Change requests: changes of systems that are to be approved, scheduled and implemented.

use kernel::{RecordKey, Reference, SubjectGroup, Timestamp, Title, record, string_enum};

record! {
    /// A change request.
    #[record(kind = ChangeRequest, prefix = "chreq", plural = "change_requests")]
    pub struct ChangeRequest {
        /// The key of the change request, unique in the organization.
        #[column(label("change_request_key"), key, example("CHG-1042"))]
        pub key: RecordKey,
        /// The kind of the change, such as `standard`, `normal`, `emergency` or `pre-approved`.
        #[column(filter(Many), example("normal"))]
        pub change_kind: Reference,
        /// The title of the change.
        #[column(title, example("Upgrade the core banking database to PostgreSQL 18"))]
        pub title: Title,
        /// The status of the change request.
        #[column(filter(Many), example("approved"))]
        pub status: ChangeStatus,
        /// The thing that the change request is about.
        #[column(examples(["assets", "asset", "asset_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The responsibility that owns the change request, in another system.
        pub owner_responsibility_id: Option<Reference>,
        /// The time at which the change is to be implemented.
        #[column(example("2026-06-06T02:00:00.000Z"))]
        pub scheduled_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The status of a change request.
    ChangeStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It waits for approval.
        Submitted = "submitted",
        /// It is approved.
        Approved = "approved",
        /// It has a time.
        Scheduled = "scheduled",
        /// It was carried out.
        Implemented = "implemented",
        /// It was tried without success.
        Failed = "failed",
        /// It was not approved.
        Rejected = "rejected",
        /// It was withdrawn.
        Cancelled = "cancelled",
    }
}
