//! Custody assignments: who holds an asset, and since when.

use kernel::{Id, RecordKey, SubjectGroup, Timestamp, record, string_enum};

use crate::asset::Asset;

record! {
    /// A custody assignment of an asset.
    #[record(kind = CustodyAssignment, prefix = "ascust", plural = "custody_assignments")]
    pub struct CustodyAssignment {
        /// The asset that is held.
        #[column(filter(Few), example("asset_01KSFQEHQ80000000000000002"))]
        pub asset_id: Id<Asset>,
        /// The key of the assignment, unique in the organization.
        #[column(label("assignment_key"), key, title, example("core-db-1/primary"))]
        pub key: RecordKey,
        /// The kind of the assignment.
        #[column(example("primary"))]
        pub assignment_kind: CustodyKind,
        /// The person, team or place that holds the asset.
        #[column(examples(["organization", "team", "platform"]))]
        pub subject: Option<SubjectGroup>,
        /// The status of the assignment.
        #[column(filter(Many), example("active"))]
        pub status: CustodyStatus,
        /// The time from which the asset is held.
        #[column(example("2024-02-01T00:00:00.000Z"))]
        pub started_at: Timestamp,
        /// The time until which the asset was held.
        #[column(not_before("started_at", "the beginning of the assignment"))]
        pub ended_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The kind of a custody assignment.
    CustodyKind = Primary {
        /// The first holder.
        Primary = "primary",
        /// A substitute.
        Secondary = "secondary",
    }
}

string_enum! {
    /// The status of a custody assignment.
    CustodyStatus = Active {
        /// The asset is held.
        Active = "active",
        /// The asset is no longer held.
        Ended = "ended",
    }
}
