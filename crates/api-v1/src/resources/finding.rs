//! The endpoints to list, get, create and update findings.

mod payload;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::{Finding, FindingPatch, FindingSource, NewFinding, Severity, SourceKind, Status, create, update};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute, find},
    request::{ApiRequest, BodyReader, SentBack, TimestampReader, enum_reader, text},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, OrganizationRef, Reader, Reason, Stored, SubjectGroup, WriteContext, WriteTimestamp};
use serde_json::json;

pub(crate) use payload::{finding_data, finding_status_change_data};

use crate::{
    errors::finding_problem,
    view::{View, record_media, with_location},
    webhook_payload::PayloadRenderer,
};

/// Reads the fields of a new finding.
pub(crate) fn read_new(object: &mut BodyReader<'_>) -> Option<NewFinding> {
    let key = object.required("findingKey", text());
    let title = object.required("title", text());
    let severity = object.required("severity", enum_reader(Severity::ALL, Severity::name));
    let kind = object.required("sourceKind", enum_reader(SourceKind::ALL, SourceKind::name));
    let description = object.optional("description", text());
    let module_key = object.optional("sourceModuleKey", text());
    let scope = object.optional("sourceScope", text());
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
        source: FindingSource { kind: kind?, module_key, scope, resource_type, resource_id },
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
    sent_back: SentBack,
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
        let reason = object.reason_of_patch(patch.is_empty());
        let sent_back = object.sent_back(Finding::schema);
        Some(Self { patch, reason: reason?, sent_back })
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
        self.sent_back.check(&Finding::to_dto(&current))?;
        update(context, &PayloadRenderer, timestamp, &current, &self.patch).map_err(finding_problem)
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
