//! The endpoints to list, get, create and update findings.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::{
    Finding, FindingFilter, FindingPatch, FindingSource, NewFinding, Severity, SourceKind, Status, create, update,
};
use futures_util::future::BoxFuture;
use kernel::{
    Changeset, Description, Id, OrganizationRef, Reader, Reason, RecordKey, Reference, Stored, SubjectGroup, Timestamp,
    Title, WriteContext, WriteTimestamp,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::App,
    body::{BodyReader, FieldReader, TimestampReader, enum_reader, text},
    operation::{Document, Media},
    problem::Problem,
    query::Query,
    request::ApiRequest,
    response::ApiResponse,
    schema::enum_schema,
    view::{AsText, View, example_id, example_timestamp, find, record_media, with_location},
    webhook_payload::PayloadRenderer,
    write::{Command, execute},
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingDto<'a> {
    #[schema(value_type = String)]
    id: AsText<Id<Finding>>,
    finding_key: &'a str,
    title: &'a str,
    description: &'a str,
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
    #[schema(schema_with = status_schema)]
    status: &'static str,
    #[schema(schema_with = source_kind_schema)]
    source_kind: &'static str,
    #[schema(required)]
    source_module_key: Option<&'a str>,
    #[schema(required)]
    source_resource_type: Option<&'a str>,
    #[schema(required)]
    source_resource_id: Option<&'a str>,
    #[schema(required)]
    subject_module_key: Option<&'a str>,
    #[schema(required)]
    subject_resource_type: Option<&'a str>,
    #[schema(required)]
    subject_resource_id: Option<&'a str>,
    #[schema(required)]
    owner_responsibility_id: Option<&'a str>,
    #[schema(required)]
    owner_member_user_id: Option<&'a str>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    due_at: Option<AsText<Timestamp>>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    closed_at: Option<AsText<Timestamp>>,
    #[schema(required)]
    lifecycle_instance_id: Option<&'a str>,
    #[schema(value_type = Option<String>, required)]
    duplicate_of_finding_id: Option<AsText<Id<Finding>>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: AsText<Timestamp>,
}

fn severity_schema() -> utoipa::openapi::schema::Object {
    enum_schema(Severity::ALL, Severity::name)
}

pub(crate) fn status_schema() -> utoipa::openapi::schema::Object {
    enum_schema(Status::ALL, Status::name)
}

fn source_kind_schema() -> utoipa::openapi::schema::Object {
    enum_schema(SourceKind::ALL, SourceKind::name)
}

impl View for Finding {
    const SINGULAR: &'static str = "finding";
    const PLURAL: &'static str = "findings";
    const COMPONENT: &'static str = "Finding";
    type Dto<'a> = FindingDto<'a>;

    fn to_dto(stored: &Stored<Self>) -> FindingDto<'_> {
        fn text(reference: Option<&Reference>) -> Option<&str> {
            reference.map(Reference::as_str)
        }
        let finding = &stored.record;
        let subject = finding.subject.as_ref();
        FindingDto {
            id: AsText(stored.meta.id),
            finding_key: finding.key.as_str(),
            title: finding.title.as_str(),
            description: finding.description.as_str(),
            severity: finding.severity.name(),
            status: finding.status.name(),
            source_kind: finding.source.kind.name(),
            source_module_key: text(finding.source.module_key.as_ref()),
            source_resource_type: text(finding.source.resource_type.as_ref()),
            source_resource_id: text(finding.source.resource_id.as_ref()),
            subject_module_key: subject.map(|subject| subject.module_key.as_str()),
            subject_resource_type: subject.map(|subject| subject.resource_type.as_str()),
            subject_resource_id: subject.map(|subject| subject.resource_id.as_str()),
            owner_responsibility_id: text(finding.owner_responsibility_id.as_ref()),
            owner_member_user_id: text(finding.owner_member_user_id.as_ref()),
            due_at: finding.due_at.map(AsText),
            closed_at: finding.closed_at.map(AsText),
            lifecycle_instance_id: text(finding.lifecycle_instance_id.as_ref()),
            duplicate_of_finding_id: finding.duplicate_of.map(AsText),
            created_at: AsText(stored.meta.created_at),
            updated_at: AsText(stored.meta.updated_at),
        }
    }

    fn filter(query: &mut Query<'_>) -> FindingFilter {
        let status = enum_reader(Status::ALL, Status::name);
        let source = enum_reader(SourceKind::ALL, SourceKind::name);
        let severity = enum_reader(Severity::ALL, Severity::name);
        FindingFilter {
            statuses: query.list(
                "status",
                "Only findings with one of these statuses.",
                || status.schema(),
                |text| status.parse(text),
            ),
            source_kinds: query.list(
                "sourceKind",
                "Only findings from one of these kinds of source.",
                || source.schema(),
                |text| source.parse(text),
            ),
            severities: query.list(
                "severity",
                "Only findings with one of these severities.",
                || severity.schema(),
                |text| severity.parse(text),
            ),
            subject_resource_ids: query.list(
                "subjectResourceId",
                "Only findings about one of these resources.",
                || text::<kernel::ReferenceRule>().schema(),
                Reference::parse,
            ),
            keys: query.list(
                "findingKey",
                "Only findings with one of these keys.",
                || text::<kernel::RecordKeyRule>().schema(),
                RecordKey::parse,
            ),
        }
    }

    fn example() -> Stored<Self> {
        let reference = |text| Reference::parse(text).expect("the example is valid");
        let record = Self {
            key: RecordKey::parse("java.sqli:src/Login.java:42").expect("the example is valid"),
            title: Title::parse("SQL built from user input").expect("the example is valid"),
            description: Description::parse("The user name goes into the statement as it comes.")
                .expect("the example is valid"),
            severity: Severity::High,
            status: Status::Open,
            source: FindingSource {
                kind: SourceKind::ModuleSignal,
                module_key: Some(reference("semgrep")),
                resource_type: Some(reference("rule")),
                resource_id: Some(reference("java.sqli")),
            },
            subject: Some(SubjectGroup {
                module_key: reference("code"),
                resource_type: reference("location"),
                resource_id: reference("src/Login.java:42"),
            }),
            owner_responsibility_id: None,
            owner_member_user_id: None,
            due_at: Some(Timestamp::from_millis(1_782_309_600_000)),
            closed_at: None,
            lifecycle_instance_id: None,
            duplicate_of: None,
        };
        Stored::new(example_id(1), example_id(3), example_timestamp(), record)
    }
}

/// Reads the fields of a new finding.
pub(crate) fn read_new(object: &mut BodyReader<'_>) -> Option<NewFinding> {
    let key = object.required("findingKey", text());
    let title = object.required("title", text());
    let severity = object.required("severity", enum_reader(Severity::ALL, Severity::name));
    let kind = object.required("sourceKind", enum_reader(SourceKind::ALL, SourceKind::name));
    let description = object.optional("description", text());
    let module_key = object.optional("sourceModuleKey", text());
    let resource_type = object.optional("sourceResourceType", text());
    let resource_id = object.optional("sourceResourceId", text());
    let subject = read_subject(object);
    let owner_responsibility_id = object.optional("ownerResponsibilityId", text());
    let owner_member_user_id = object.optional("ownerMemberUserId", text());
    let due_at = object.optional("dueAt", TimestampReader);
    Some(NewFinding {
        key: key?,
        title: title?,
        description,
        severity: severity?,
        source: FindingSource { kind: kind?, module_key, resource_type, resource_id },
        subject: subject?,
        owner_responsibility_id,
        owner_member_user_id,
        due_at,
        status: None,
    })
}

fn read_subject(object: &mut BodyReader<'_>) -> Option<Option<SubjectGroup>> {
    let errors_before = object.error_count();
    let module_key = object.optional("subjectModuleKey", text());
    let resource_type = object.optional("subjectResourceType", text());
    let resource_id = object.optional("subjectResourceId", text());
    if object.error_count() > errors_before {
        return None;
    }
    SubjectGroup::from_parts(module_key, resource_type, resource_id).map_err(|error| object.error(error)).ok()
}

/// The command of `POST /governance/findings`.
pub(crate) struct CreateFinding {
    finding: NewFinding,
    reason: Reason,
}

impl CreateFinding {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let finding = read_new(object);
        let reason = object.reason();
        Some(Self { finding: finding?, reason: reason? })
    }
}

#[async_trait]
impl Command for CreateFinding {
    type Output = Stored<Finding>;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        _: &App,
        _: &ApiRequest,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Stored<Finding>), Problem> {
        Ok(create(context, &PayloadRenderer, timestamp, self.finding.clone()))
    }

    fn response(&self, output: &Stored<Finding>) -> ApiResponse {
        let response = ApiResponse::record(StatusCode::CREATED, Finding::SINGULAR, &Finding::to_dto(output));
        with_location(&format!("/api/v1/governance/findings/{}", output.meta.id), response)
            .with_etag(output.meta.revision)
    }

    async fn on_key_conflict(
        &self,
        app: &App,
        organization: &OrganizationRef,
        key: &str,
    ) -> Result<Option<Problem>, Problem> {
        let existing = Reader::<Finding>::get_by_keys(&*app.services.store, organization.id, &[key]).await?;
        Ok(existing.first().map(|existing| {
            Problem::conflict("another finding already has this findingKey: use another key, or update the finding named by existingId")
                .member("existingId", json!(existing.meta.id.to_string()))
        }))
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move { execute(app, request, CreateFinding::read).await })
}

/// The command of `PATCH /governance/findings/{findingId}`.
pub(crate) struct UpdateFinding {
    patch: FindingPatch,
    reason: Reason,
}

impl UpdateFinding {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let patch = FindingPatch {
            title: object.patch_required("title", text()),
            description: object.patch_required("description", text()),
            severity: object.patch_required("severity", enum_reader(Severity::ALL, Severity::name)),
            status: object.patch_required("status", enum_reader(Status::ALL, Status::name)),
            owner_responsibility_id: object.patch_nullable("ownerResponsibilityId", text()),
            owner_member_user_id: object.patch_nullable("ownerMemberUserId", text()),
            due_at: object.patch_nullable("dueAt", TimestampReader),
            subject_module_key: object.patch_nullable("subjectModuleKey", text()),
            subject_resource_type: object.patch_nullable("subjectResourceType", text()),
            subject_resource_id: object.patch_nullable("subjectResourceId", text()),
        };
        let is_valid = object.error_count() == 0;
        let reason = object.reason();
        if patch.is_empty() && is_valid {
            object.error(crate::problem::Issue::new([], "at least one field besides the reason is required"));
        }
        Some(Self { patch, reason: reason? })
    }
}

#[async_trait]
impl Command for UpdateFinding {
    type Output = Stored<Finding>;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Stored<Finding>), Problem> {
        let current = find::<Finding>(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        Ok(update(context, &PayloadRenderer, timestamp, &current, &self.patch)?)
    }

    fn response(&self, output: &Stored<Finding>) -> ApiResponse {
        ApiResponse::record(StatusCode::OK, Finding::SINGULAR, &Finding::to_dto(output)).with_etag(output.meta.revision)
    }
}

pub(crate) fn patch<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<Finding>()?;
        execute(app, request, UpdateFinding::read).await
    })
}

pub(crate) fn post_document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(CreateFinding::read),
            example: json!({
                "findingKey": "java.sqli:src/Login.java:42",
                "title": "SQL built from user input",
                "severity": "high",
                "sourceKind": "module_signal",
                "sourceModuleKey": "semgrep",
                "reason": "Nightly semgrep run 4711",
            }),
        }),
        status: 201,
        response: record_media::<Finding>(),
        line: None,
        errors: &[400, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["Location", "ETag", "Idempotent-Replayed"],
    }
}

pub(crate) fn patch_document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(UpdateFinding::read),
            example: json!({ "status": "triaged", "severity": "medium", "reason": "Not reachable from outside" }),
        }),
        status: 200,
        response: record_media::<Finding>(),
        line: None,
        errors: &[400, 404, 409, 412, 413, 415, 422],
        codes: &[],
        response_headers: &["ETag", "Idempotent-Replayed"],
    }
}
