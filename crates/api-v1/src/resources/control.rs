//! The list and get endpoints of controls.

use http_api::{
    openapi::enum_schema,
    request::{FieldReader, Query, enum_reader},
    response::AsText,
};
use kernel::{Description, Id, RecordKey, Reference, Stored, SubjectGroup, Timestamp, Title, VersionedSubjectGroup};
use registers::{Control, ControlFilter, ControlStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::view::{View, example_id, example_timestamp};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlDto<'a> {
    #[schema(value_type = String)]
    id: AsText<Id<Control>>,
    control_key: &'a str,
    title: &'a str,
    description: &'a str,
    #[schema(schema_with = status_schema)]
    status: &'static str,
    #[schema(required)]
    subject_module_key: Option<&'a str>,
    #[schema(required)]
    subject_resource_type: Option<&'a str>,
    #[schema(required)]
    subject_resource_id: Option<&'a str>,
    #[schema(required)]
    subject_version_id: Option<&'a str>,
    #[schema(required)]
    owner_responsibility_assignment_id: Option<&'a str>,
    #[schema(required)]
    implementation_projection_id: Option<&'a str>,
    #[schema(required)]
    compliance_projection_id: Option<&'a str>,
    #[schema(value_type = String, format = DateTime)]
    created_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: AsText<Timestamp>,
}

fn status_schema() -> utoipa::openapi::schema::Object {
    enum_schema(ControlStatus::ALL, ControlStatus::name)
}

impl View for Control {
    const SINGULAR: &'static str = "control";
    const PLURAL: &'static str = "controls";
    const COMPONENT: &'static str = "Control";
    type Dto<'a> = ControlDto<'a>;

    fn to_dto(stored: &Stored<Self>) -> ControlDto<'_> {
        let control = &stored.record;
        let group = control.subject.as_ref().map(|subject| &subject.group);
        let version = control.subject.as_ref().and_then(|subject| subject.version_id.as_ref());
        ControlDto {
            id: AsText(stored.meta.id),
            control_key: control.key.as_str(),
            title: control.title.as_str(),
            description: control.description.as_str(),
            status: control.status.name(),
            subject_module_key: group.map(|group| group.module_key.as_str()),
            subject_resource_type: group.map(|group| group.resource_type.as_str()),
            subject_resource_id: group.map(|group| group.resource_id.as_str()),
            subject_version_id: version.map(Reference::as_str),
            owner_responsibility_assignment_id: control
                .owner_responsibility_assignment_id
                .as_ref()
                .map(Reference::as_str),
            implementation_projection_id: control.implementation_projection_id.as_ref().map(Reference::as_str),
            compliance_projection_id: control.compliance_projection_id.as_ref().map(Reference::as_str),
            created_at: AsText(stored.meta.created_at),
            updated_at: AsText(stored.meta.updated_at),
        }
    }

    fn filter(query: &mut Query<'_>) -> ControlFilter {
        let status = enum_reader(ControlStatus::ALL, ControlStatus::name);
        ControlFilter {
            statuses: query.list(
                "status",
                "Only controls with one of these statuses.",
                || status.schema(),
                |text| status.parse(text),
            ),
        }
    }

    fn example() -> Stored<Self> {
        let reference = |text| Reference::parse(text).expect("the example is valid");
        let record = Self {
            key: RecordKey::parse("CTL-AC-02").expect("the example is valid"),
            title: Title::parse("Privileged access is reviewed every quarter").expect("the example is valid"),
            description: Description::parse("Each system owner confirms or removes every privileged account.")
                .expect("the example is valid"),
            status: ControlStatus::Active,
            subject: Some(VersionedSubjectGroup {
                group: SubjectGroup {
                    module_key: reference("frameworks"),
                    resource_type: reference("framework-node"),
                    resource_id: reference("AC-2"),
                },
                version_id: None,
            }),
            owner_responsibility_assignment_id: None,
            implementation_projection_id: None,
            compliance_projection_id: None,
        };
        Stored::new(example_id(1), example_id(2), example_timestamp(), record)
    }
}
