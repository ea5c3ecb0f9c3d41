//! Patch requirements: patches that must be installed, and by when.

use kernel::{Id, RecordKey, Reference, Timestamp, record, string_enum};

use crate::vulnerability::Vulnerability;

record! {
    /// A patch requirement of a vulnerability.
    #[record(kind = PatchRequirement, prefix = "patchreq", plural = "patch_requirements")]
    pub struct PatchRequirement {
        /// The vulnerability that the patch removes.
        #[column(filter(Few), example("vuln_01KSFQEHQ80000000000000002"))]
        pub vulnerability_id: Id<Vulnerability>,
        /// The key of the patch requirement, unique in the organization.
        #[column(label("patch_key"), key, title, example("core-db-1/xz-5.6.2"))]
        pub key: RecordKey,
        /// The urgency of the patch.
        #[column(example("emergency"))]
        pub urgency: PatchUrgency,
        /// The status of the patch requirement.
        #[column(filter(Many), example("open"))]
        pub status: PatchStatus,
        /// The time by which the patch must be installed.
        #[column(example("2026-05-27T14:00:00.000Z"))]
        pub due_at: Option<Timestamp>,
        /// The responsibility that owns the patch, in another system.
        pub owner_responsibility_id: Option<Reference>,
    }
}

string_enum! {
    /// The urgency of a patch.
    PatchUrgency {
        /// The next regular date.
        Routine = "routine",
        /// Before the next regular date.
        Expedited = "expedited",
        /// At once.
        Emergency = "emergency",
    }
}

string_enum! {
    /// The status of a patch requirement.
    PatchStatus = Open {
        /// The patch is not installed.
        Open = "open",
        /// The patch is being installed.
        InProgress = "in-progress",
        /// The patch is installed.
        Done = "done",
        /// The patch need not be installed.
        Waived = "waived",
    }
}
