//! The endpoint to make an evidence claim. Lists and gets are those of a register.

mod inline_files;
mod payload;
mod stored_files;

use std::sync::Arc;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use evidence::{
    ClaimFiles, ClaimSource, EvidenceAttachment, EvidenceClaim, EvidenceRequirement, MAX_ATTACHMENTS, NewClaim,
    create_claim,
};
use futures_util::future::{BoxFuture, try_join_all};
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, WriteOutcome, execute},
    request::{ApiRequest, BodyReader, TimestampReader, id, text},
    response::{ApiResponse, Issue, Problem},
};
use kernel::{
    Changeset, Id, OrganizationId, OrganizationRef, Reader, Reason, Stored, Ulid, WriteContext, WriteTimestamp,
};
use serde_json::json;

pub(crate) use payload::claim_data;

use crate::{
    errors::evidence_problem,
    view::{View, record_media, with_location},
    webhook_payload::PayloadRenderer,
};
use inline_files::{InlineFile, InlineFiles};
use stored_files::check_stored;

/// The command of `POST /governance/evidence/claims`.
struct CreateClaim {
    requirement: Id<EvidenceRequirement>,
    claim: NewClaim,
    attachments: Vec<Id<EvidenceAttachment>>,
    files: Arc<InlineFiles>,
    reason: Reason,
}

impl CreateClaim {
    /// Reads the command, and puts the files in the body into `files`.
    fn read(object: &mut BodyReader<'_>, files: &Arc<InlineFiles>) -> Option<Self> {
        let requirement = object.required("evidenceRequirementId", id());
        let key = object.required("claimKey", text());
        let title = object.required("title", text());
        let description = object.optional("description", text());
        let valid_from = object.optional("validFrom", TimestampReader);
        let valid_until = object.optional("validUntil", TimestampReader);
        let source_reference = object.optional("sourceReference", text());
        let attachments = object.optional_list("attachmentIds", MAX_ATTACHMENTS, &id()).unwrap_or_default();
        let inline = object.optional_objects("attachments", MAX_ATTACHMENTS, InlineFile::read).unwrap_or_default();
        let reason = object.reason();
        for (index, attachment) in attachments.iter().enumerate() {
            if attachments[..index].contains(attachment) {
                object.error(Issue::new(["attachmentIds", &index.to_string()], "is listed twice"));
            }
        }
        if !attachments.is_empty() && !inline.is_empty() {
            let message = "name uploaded files in attachmentIds, or send files in attachments, but not both";
            object.error(Issue::new(["attachments"], message));
        }
        files.set(inline);
        Some(Self {
            requirement: requirement?,
            claim: NewClaim {
                key: key?,
                title: title?,
                description,
                valid_from,
                valid_until,
                source_kind: ClaimSource::Integration,
                source_reference,
            },
            attachments,
            files: Arc::clone(files),
            reason: reason?,
        })
    }

    async fn load_requirement(
        &self,
        app: &App,
        organization: OrganizationId,
    ) -> Result<Stored<EvidenceRequirement>, Problem> {
        let found = Reader::<EvidenceRequirement>::get(&*app.services.store, organization, self.requirement).await?;
        found.ok_or_else(|| {
            let message = format!("there is no record with the identifier {}", self.requirement);
            Problem::validation(vec![Issue::new(["evidenceRequirementId"], message)])
        })
    }

    async fn load_files(&self, app: &App, organization: OrganizationId) -> Result<ClaimFiles, Problem> {
        if !self.files.is_empty() {
            return self.files.choose(app).await;
        }
        let store = &*app.services.store;
        let found = self.attachments.iter().map(|id| Reader::<EvidenceAttachment>::get(store, organization, *id));
        Ok(ClaimFiles::Uploaded(try_join_all(found).await?))
    }
}

#[async_trait]
impl Command for CreateClaim {
    type Output = Stored<EvidenceClaim>;

    const HAS_EARLY_EFFECT: bool = true;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn take_effect(&self, app: &App, request: &ApiRequest, _: Ulid) -> Result<(), Problem> {
        self.files.store(app, request).await?;
        check_stored(app, request, &self.attachments).await
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        caller: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem> {
        let requirement = self.load_requirement(app, context.organization.id).await?;
        let files = self.load_files(app, context.organization.id).await?;
        let account = Some(caller.account.meta.id);
        let claim = self.claim.clone();
        let decided = create_claim(context, &PayloadRenderer, timestamp, account, &requirement, claim, &files);
        let (mut changeset, claim) = decided.map_err(evidence_problem)?;
        self.files.complete(app, request, context, &mut changeset, &files).await?;
        Ok((changeset, claim))
    }

    fn response(&self, claim: &Self::Output) -> ApiResponse {
        let response = ApiResponse::record(StatusCode::CREATED, EvidenceClaim::SINGULAR, &EvidenceClaim::to_dto(claim));
        with_location(&format!("/api/v1/governance/evidence/claims/{}", claim.meta.id), response)
            .with_etag(claim.meta.revision)
    }

    async fn on_key_conflict(
        &self,
        app: &App,
        organization: &OrganizationRef,
        key: &str,
    ) -> Result<Option<Problem>, Problem> {
        if key != self.claim.key.as_str() {
            // Another request has added the same bytes meanwhile.
            return Ok(None);
        }
        let existing = Reader::<EvidenceClaim>::get_by_keys(&*app.services.store, organization.id, &[key]).await?;
        Ok(existing.first().map(|existing| {
            Problem::conflict(
                "another evidence claim already has this claimKey, which existingId names: use another key",
            )
            .member("existingId", json!(existing.meta.id.to_string()))
        }))
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let files = Arc::new(InlineFiles::default());
        let outcome = execute(app, request, |object| CreateClaim::read(object, &files)).await;
        files.settle(app, WriteOutcome::of(&outcome)).await;
        outcome
    })
}

pub(crate) fn post_document() -> Document {
    let files = Arc::new(InlineFiles::default());
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(|object| CreateClaim::read(object, &files)),
            example: json!({
                "evidenceRequirementId": "evreq_01KSFQEHQ80000000000000002",
                "claimKey": "backup-restore-test-2026-05",
                "title": "Restore test of May 2026",
                "validUntil": "2027-08-23",
                "sourceReference": "backup-job/88123",
                "attachments": [{
                    "fileName": "restore-test.csv",
                    "contentType": "text/csv",
                    "contentBase64": "dGFibGUscmVzdG9yZWQKbWVtYmVycyx5ZXMK",
                }],
                "reason": "Monthly restore test, run by the backup job",
            }),
        }),
        status: 201,
        response: record_media::<EvidenceClaim>(),
        line: None,
        errors: &[400, 409, 413, 415, 422, 507],
        codes: &[],
        response_headers: &["Location", "ETag", "Idempotent-Replayed"],
    }
}
