//! Findings in files. The status applies only to new findings; an existing finding keeps its own.

use findings::{Finding, FindingSource, NewFinding, Severity, SourceKind, Status};
use kernel::{Record as _, Text};

use super::RecordFields;

pub(crate) fn read(fields: &mut RecordFields) -> Option<NewFinding> {
    let key = fields.required("findingKey", Text::parse);
    let title = fields.required("title", Text::parse);
    let description = fields.optional("description", Text::parse);
    let severity = fields.required_enum_value("severity", Severity::ALL, Severity::name);
    let status = fields.enum_value("status", Status::ALL, Status::name);
    let source_kind = fields.required_enum_value("sourceKind", SourceKind::ALL, SourceKind::name);
    let module_key = fields.reference("sourceModuleKey");
    let scope = fields.reference("sourceScope");
    let resource_type = fields.reference("sourceResourceType");
    let resource_id = fields.reference("sourceResourceId");
    let subject = fields.subject();
    let owner_responsibility_id = fields.reference("ownerResponsibilityId");
    let owner_member_user_id = fields.reference("ownerMemberUserId");
    let due_at = fields.time("dueAt");
    fields.ignore_server_fields(Finding::COLUMNS);
    Some(NewFinding {
        key: key?,
        title: title?,
        description,
        severity: severity?,
        source: FindingSource { kind: source_kind?, module_key, scope, resource_type, resource_id },
        subject,
        owner_responsibility_id,
        owner_member_user_id,
        due_at,
        status,
    })
}
