//! System acceptances: the decisions that a system or a release may be used.

use kernel::{Id, RecordKey, SubjectGroup, Timestamp, Title, record, string_enum};

use crate::release::Release;

record! {
    /// A system acceptance.
    #[record(kind = SystemAcceptance, prefix = "chacc", plural = "system_acceptances")]
    pub struct SystemAcceptance {
        /// The key of the acceptance, unique in the organization.
        #[column(label("acceptance_key"), key, example("core-2026.06-acceptance"))]
        pub key: RecordKey,
        /// The title of the acceptance.
        #[column(title, example("Acceptance of core banking, June 2026"))]
        pub title: Title,
        /// The status of the acceptance.
        #[column(filter(Many), example("pending"))]
        pub status: AcceptanceStatus,
        /// The thing that the acceptance is about.
        #[column(examples(["assets", "asset", "asset_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The time at which the decision was made.
        pub decided_at: Option<Timestamp>,
        /// The release that is accepted.
        #[column(example("chrel_01KSFQEHQ80000000000000002"))]
        pub release_id: Option<Id<Release>>,
    }
}

string_enum! {
    /// The status of a system acceptance.
    AcceptanceStatus = Pending {
        /// The decision is not made.
        Pending = "pending",
        /// The system may be used.
        Accepted = "accepted",
        /// The system may not be used.
        Rejected = "rejected",
    }
}
