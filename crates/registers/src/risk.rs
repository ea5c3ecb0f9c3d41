//! Risks: what may keep an organization from its objectives, and how it is treated.

use kernel::{Description, RecordKey, Reference, Title, VersionedSubjectGroup, record, string_enum};

record! {
    /// A risk.
    #[record(kind = Risk, prefix = "risk", plural = "risks")]
    pub struct Risk {
        /// The key of the risk, unique in the organization.
        #[column(label("risk_key"), key, example("RSK-7"))]
        pub key: RecordKey,
        /// The title of the risk.
        #[column(title, example("The core banking supplier fails"))]
        pub title: Title,
        /// The event that may happen and its consequences.
        #[column(example("No teller can work for longer than a day."))]
        pub description: Description,
        /// The status of the risk.
        #[column(filter(Many), example("under-treatment"))]
        pub status: RiskStatus,
        /// The thing that the risk is about.
        #[column(examples(["party-engagements", "engagement", "peng_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<VersionedSubjectGroup>,
        /// The assignment of the responsibility that owns the risk, in another system.
        pub owner_responsibility_assignment_id: Option<Reference>,
    }
}

string_enum! {
    /// The status of a risk.
    RiskStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It is recorded and not yet assessed.
        Identified = "identified",
        /// Its likelihood and impact are assessed.
        Assessed = "assessed",
        /// It is being reduced.
        UnderTreatment = "under-treatment",
        /// It is borne as it is.
        Accepted = "accepted",
        /// It no longer exists.
        Closed = "closed",
        /// It is kept for the record only.
        Archived = "archived",
    }
}
