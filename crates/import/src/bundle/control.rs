//! Controls in bundles. Missing fields are cleared, so that a register follows its file; a missing status means
//! `draft`.

use kernel::{Text, VersionedSubjectGroup};
use registers::{Control, ControlStatus};

use super::fields::RecordFields;

pub(super) fn read(fields: &mut RecordFields) -> Option<Control> {
    let key = fields.required("controlKey", Text::parse);
    let title = fields.required("title", Text::parse);
    let description = fields.optional("description", Text::parse);
    let status = fields.enum_value("status", ControlStatus::ALL, ControlStatus::name);
    let group = fields.subject();
    let version_id = fields.reference("subjectVersionId");
    let owner_responsibility_assignment_id = fields.reference("ownerResponsibilityAssignmentId");
    let implementation_projection_id = fields.reference("implementationProjectionId");
    let compliance_projection_id = fields.reference("complianceProjectionId");
    fields.ignore(&["id", "createdAt", "updatedAt"]);
    if group.is_none() && version_id.is_some() {
        fields.add_error("subjectVersionId", "requires a subject");
    }
    Some(Control {
        key: key?,
        title: title?,
        description: description.unwrap_or_default(),
        status: status.unwrap_or(ControlStatus::Draft),
        subject: group.map(|group| VersionedSubjectGroup { group, version_id }),
        owner_responsibility_assignment_id,
        implementation_projection_id,
        compliance_projection_id,
    })
}
