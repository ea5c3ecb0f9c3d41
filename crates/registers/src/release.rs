//! Releases: changes that are brought into use together.

use kernel::{IdList, RecordKey, SubjectGroup, Timestamp, Title, record, string_enum};

use crate::change_request::ChangeRequest;

record! {
    /// A release.
    #[record(kind = Release, prefix = "chrel", plural = "releases")]
    pub struct Release {
        /// The key of the release, unique in the organization.
        #[column(label("release_key"), key, example("core-2026.06"))]
        pub key: RecordKey,
        /// The title of the release.
        #[column(title, example("Core banking, June 2026"))]
        pub title: Title,
        /// The status of the release.
        #[column(filter(Many), example("planned"))]
        pub status: ReleaseStatus,
        /// The thing that the release is about.
        #[column(examples(["assets", "asset", "asset_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The time at which the release was brought into use.
        pub released_at: Option<Timestamp>,
        /// The change requests that the release contains.
        #[column(example("chreq_01KSFQEHQ80000000000000002"))]
        pub change_request_ids: IdList<ChangeRequest>,
    }
}

string_enum! {
    /// The status of a release.
    ReleaseStatus = Planned {
        /// It is planned.
        Planned = "planned",
        /// It is in use.
        Released = "released",
        /// It was in use and was taken back.
        RolledBack = "rolled-back",
    }
}
