//! The nodes of framework versions: their groups, requirements and enhancements, as a tree.

use kernel::{Description, Id, RecordKey, Title, record, string_enum};

use crate::framework_version::FrameworkVersion;

record! {
    /// A node of a framework version.
    #[record(kind = FrameworkNode, prefix = "fnode", plural = "framework_nodes")]
    pub struct FrameworkNode {
        /// The version that the node belongs to.
        #[column(filter(Many), example("fver_01KSFQEHQ80000000000000002"))]
        pub framework_version_id: Id<FrameworkVersion>,
        /// The node above it; null at the top of the tree.
        #[column(filter(Few), example("fnode_01KSFQEHQ80000000000000003"))]
        pub parent_node_id: Option<Id<FrameworkNode>>,
        /// The kind of the node.
        #[column(filter(Unindexed), example("enhancement"))]
        pub node_kind: NodeKind,
        /// The key of the node, unique in the version.
        #[column(label("node_key"), key_within("framework_version_id"), example("AC-2(1)"))]
        pub key: RecordKey,
        /// The title of the node.
        #[column(title, example("Automated system account management"))]
        pub title: Title,
        /// The text of the requirement.
        #[column(example("Support the management of system accounts using automated mechanisms."))]
        pub text: Description,
        /// The position of the node among those with the same parent, from 0.
        #[column(example("0"))]
        pub position: i64,
    }
}

string_enum! {
    /// The kind of a framework node.
    NodeKind {
        /// A chapter or family that contains other nodes.
        Group = "group",
        /// A requirement.
        Requirement = "requirement",
        /// An addition to the requirement above it.
        Enhancement = "enhancement",
    }
}
