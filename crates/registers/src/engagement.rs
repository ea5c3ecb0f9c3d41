//! Engagements: the relations with suppliers and other outside parties.

use kernel::{HasIdPrefix, Id, RecordKey, Reference, Title, record, string_enum};

record! {
    /// An engagement of an outside party.
    #[record(kind = Engagement, prefix = "peng", plural = "engagements")]
    pub struct Engagement {
        /// The key of the engagement, unique in the organization.
        #[column(label("engagement_key"), key, example("core-banking"))]
        pub key: RecordKey,
        /// The kind of the engagement, in the organization's own words.
        #[column(filter(Many), example("supplier"))]
        pub engagement_kind: Reference,
        /// The title of the engagement.
        #[column(title, example("Core banking as a service"))]
        pub title: Title,
        /// The status of the engagement.
        #[column(filter(Many), example("active"))]
        pub status: EngagementStatus,
        /// The party that provides the service, in another system.
        #[column(example("party_01KSFQEHQ80000000000000002"))]
        pub provider_party_id: Id<Party>,
        /// The responsibility that owns the engagement, in another system.
        pub owner_responsibility_id: Option<Reference>,
    }
}

/// A party outside of the organization. Its record is in another system, and only its identifier is kept here.
#[derive(Debug)]
pub enum Party {}

impl HasIdPrefix for Party {
    const PREFIX: &'static str = "party";
}

string_enum! {
    /// The status of an engagement.
    EngagementStatus = Prospective {
        /// It is considered.
        Prospective = "prospective",
        /// It is being prepared.
        Onboarding = "onboarding",
        /// The party provides its service.
        Active = "active",
        /// The service is interrupted.
        Suspended = "suspended",
        /// It has ended.
        Terminated = "terminated",
    }
}
