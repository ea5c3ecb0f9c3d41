//! Configuration baselines: the approved states of systems that changes are compared with.

use kernel::{RecordKey, SubjectGroup, Timestamp, Title, record};

use crate::definition_status::DefinitionStatus;

record! {
    /// A configuration baseline.
    #[record(kind = ConfigurationBaseline, prefix = "chbase", plural = "configuration_baselines")]
    pub struct ConfigurationBaseline {
        /// The key of the baseline, unique in the organization.
        #[column(label("baseline_key"), key, example("core-db-2026-05"))]
        pub key: RecordKey,
        /// The title of the baseline.
        #[column(title, example("Core banking database, May 2026"))]
        pub title: Title,
        /// The status of the baseline.
        #[column(filter(Many), example("active"))]
        pub status: DefinitionStatus,
        /// The thing that the baseline is about.
        #[column(examples(["assets", "asset", "asset_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The time at which the state was captured.
        #[column(example("2026-05-25T14:00:00.000Z"))]
        pub captured_at: Timestamp,
    }
}
