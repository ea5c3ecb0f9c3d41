//! Versions of frameworks: each edition has its own nodes.

use kernel::{Id, Timestamp, Title, VersionKey, record};

use crate::{
    definition_status::DefinitionStatus,
    framework::{Framework, FrameworkSource},
};

record! {
    /// A version of a framework.
    #[record(kind = FrameworkVersion, prefix = "fver", plural = "framework_versions")]
    pub struct FrameworkVersion {
        /// The framework that it is a version of.
        #[column(filter(Few), example("frwk_01KSFQEHQ80000000000000002"))]
        pub framework_id: Id<Framework>,
        /// The key of the version, unique in the framework. It contains no slash.
        #[column(label("version_key"), key_within("framework_id"), example("2022"))]
        pub key: VersionKey,
        /// The label of the version.
        #[column(title, example("ISO/IEC 27001:2022"))]
        pub version_label: Title,
        /// The origin of the version.
        #[column(example("standard"))]
        pub source_kind: FrameworkSource,
        /// The status of the version.
        #[column(filter(Many), example("active"))]
        pub status: DefinitionStatus,
        /// The time from which the version applies.
        #[column(example("2022-10-25T00:00:00.000Z"))]
        pub effective_at: Option<Timestamp>,
    }
}
