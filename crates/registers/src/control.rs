//! Controls: the measures by which an organization keeps its risks within bounds and meets its obligations.

use kernel::{Description, RecordKey, Reference, Title, VersionedSubjectGroup, record};

use crate::definition_status::DefinitionStatus;

record! {
    /// A control.
    #[record(kind = Control, prefix = "ctrl", plural = "controls")]
    pub struct Control {
        /// The key of the control, unique in the organization.
        #[column(label("control_key"), key, example("CTL-AC-02"))]
        pub key: RecordKey,
        /// The title of the control.
        #[column(title, example("Privileged access is reviewed every quarter"))]
        pub title: Title,
        /// The requirements of the control.
        #[column(example("Each system owner confirms or removes every privileged account."))]
        pub description: Description,
        /// The status of the control.
        #[column(filter(Many), example("active"))]
        pub status: DefinitionStatus,
        /// The thing that the control is about.
        #[column(examples(["frameworks", "framework-node", "fnode_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<VersionedSubjectGroup>,
        /// The assignment of the responsibility that owns the control, in another system.
        pub owner_responsibility_assignment_id: Option<Reference>,
        /// The projection of the control's implementation, in another system.
        pub implementation_projection_id: Option<Reference>,
        /// The projection of the control's compliance, in another system.
        pub compliance_projection_id: Option<Reference>,
    }
}
