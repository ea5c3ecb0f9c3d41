//! Coverage links: which record meets which requirement of a framework version.

use kernel::{Id, Reference, record, string_enum};

use crate::{framework_node::FrameworkNode, framework_version::FrameworkVersion};

record! {
    /// A link from a framework node to a record that covers it.
    #[record(kind = CoverageLink, prefix = "fcov", plural = "coverage_links")]
    pub struct CoverageLink {
        /// The version that the node belongs to.
        #[column(filter(Many), example("fver_01KSFQEHQ80000000000000002"))]
        pub framework_version_id: Id<FrameworkVersion>,
        /// The node that is covered.
        #[column(identity, filter(Few), example("fnode_01KSFQEHQ80000000000000002"))]
        pub node_id: Id<FrameworkNode>,
        /// The module of the record that covers the node.
        #[column(identity, example("controls"))]
        pub target_module_key: Reference,
        /// The type of that record.
        #[column(identity, example("control"))]
        pub target_resource_type: Reference,
        /// The identifier of that record.
        #[column(identity, filter(Few), example("ctrl_01KSFQEHQ80000000000000002"))]
        pub target_resource_id: Reference,
        /// The extent to which the node is covered.
        #[column(example("partial"))]
        pub coverage: Coverage,
    }
}

string_enum! {
    /// The extent to which a node is covered.
    Coverage {
        /// The record alone meets the requirement.
        Full = "full",
        /// The record meets a part of the requirement.
        Partial = "partial",
    }
}
