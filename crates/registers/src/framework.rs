//! Frameworks: the standards, regulations, contracts and internal policies that an organization follows.

use kernel::{Description, RecordKey, Title, record, string_enum};

use crate::definition_status::DefinitionStatus;

record! {
    /// A framework.
    #[record(kind = Framework, prefix = "frwk", plural = "frameworks")]
    pub struct Framework {
        /// The key of the framework, unique in the organization.
        #[column(label("framework_key"), key, example("iso-27001"))]
        pub key: RecordKey,
        /// The name of the framework.
        #[column(title, example("ISO/IEC 27001"))]
        pub name: Title,
        /// The description of the framework.
        #[column(example("Requirements for an information security management system."))]
        pub description: Description,
        /// The origin of the framework.
        #[column(filter(Many), example("standard"))]
        pub source_kind: FrameworkSource,
        /// The status of the framework.
        #[column(filter(Many), example("active"))]
        pub status: DefinitionStatus,
    }
}

string_enum! {
    /// The origin of a framework.
    FrameworkSource {
        /// A standard body.
        Standard = "standard",
        /// The organization itself.
        Internal = "internal",
        /// A law or a regulator.
        Regulation = "regulation",
        /// An agreement with another party.
        Contract = "contract",
    }
}
