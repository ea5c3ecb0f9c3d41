//! The endpoints of attachments: the upload of a file, and the download of its bytes.

pub(crate) mod content;
mod upload_head;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use evidence::{EvidenceAttachment, NewAttachment, upload};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, StreamedWrite, WriteOutcome},
    request::{ApiRequest, Query, StreamedBody},
    response::{ApiResponse, Issue, Problem},
    streams::while_permitted,
};
use kernel::{Changeset, Reason, Stored, WriteContext, WriteTimestamp};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    attachment_limits::check_limits,
    attachment_services::AttachmentServices,
    received_file::ReceivedFile,
    view::{example_id, example_timestamp, with_location},
};
use upload_head::UploadHead;

/// The name of the schema of an attachment in the OpenAPI document.
pub(crate) const COMPONENT: &str = "EvidenceAttachment";

/// The command of `POST /governance/evidence/attachments`.
struct UploadAttachment {
    head: UploadHead,
    file: ReceivedFile,
}

#[async_trait]
impl Command for UploadAttachment {
    type Output = Stored<EvidenceAttachment>;

    fn reason(&self) -> &Reason {
        &self.head.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        caller: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem> {
        let content = self.file.content(app).await?;
        let new = NewAttachment {
            file_name: self.head.file_name.clone(),
            content_type: self.head.content_type.clone(),
            content: self.file.choose(app, content.as_ref().map(|content| &content.record)).await?,
        };
        let (mut changeset, attachment) = upload(context, timestamp, caller.account.meta.id, &new, content.as_ref());
        self.file.record_replacement(context, &mut changeset, content.as_ref(), &new.content).await;
        check_limits(app, request, &AttachmentServices::of(request)?.limits, &mut changeset).await?;
        Ok((changeset, attachment))
    }

    fn response(&self, attachment: &Self::Output) -> ApiResponse {
        let location = format!("/api/v1/governance/evidence/attachments/{}/content", attachment.meta.id);
        with_location(
            &location,
            ApiResponse::record(StatusCode::CREATED, "attachment", &AttachmentDto::new(attachment)),
        )
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let (write, head) = StreamedWrite::begin(app, request, UploadHead::read(request)).await?;
        let mut body = request.streamed_body(AttachmentServices::of(request)?.limits.max_bytes)?;
        if write.is_answered() {
            let hash = while_permitted(app, request, hash_of(&mut body)).await?;
            head.check_digests(&hash, body.trailers())?;
            return write.replay(&head.with_hash(&hash));
        }
        let file = while_permitted(
            app,
            request,
            ReceivedFile::receive(app, request, AttachmentServices::of(request)?, &mut body, false),
        )
        .await?;
        if file.size() == 0 {
            return Err(Problem::validation(vec![Issue::new([], "the body is empty: send the file")]));
        }
        let hash = file.hash().0;
        head.check_digests(&hash, body.trailers())?;
        let command = UploadAttachment { head, file };
        let _turn = command.file.lock().await;
        let outcome = match command.file.ensure_stored(app).await {
            Ok(()) => write.execute(&command.head.with_hash(&hash), &command).await,
            Err(problem) => Err(problem),
        };
        command.file.settle(app, WriteOutcome::of(&outcome)).await;
        outcome
    })
}

/// Receives a body only for its hash.
async fn hash_of(body: &mut StreamedBody) -> Result<[u8; 32], Problem> {
    let mut hash = Sha256::new();
    while let Some(piece) = body.next().await? {
        hash.update(&piece);
    }
    Ok(hash.finalize().into())
}

/// The JSON of an attachment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentDto<'a> {
    id: String,
    file_name: &'a str,
    content_type: &'a str,
    size: i64,
    sha256: &'a str,
    created_at: String,
}

impl<'a> AttachmentDto<'a> {
    fn new(attachment: &'a Stored<EvidenceAttachment>) -> Self {
        let EvidenceAttachment { file_name, content_type, size, sha256, .. } = &attachment.record;
        Self {
            id: attachment.meta.id.to_string(),
            file_name: file_name.as_str(),
            content_type: content_type.as_str(),
            size: *size,
            sha256: sha256.as_str(),
            created_at: attachment.meta.created_at.to_string(),
        }
    }
}

/// Returns the schema of an attachment.
pub(crate) fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let properties = json!({
        "id": text("The identifier of the attachment."),
        "fileName": text("The name of the file."),
        "contentType": text("The media type of the file."),
        "size": { "type": "integer", "description": "The size in bytes." },
        "sha256": text("The SHA-256 hash of the bytes, in hexadecimal."),
        "createdAt": { "type": "string", "format": "date-time", "description": "The time of the upload." },
    });
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn example() -> Value {
    let example = <EvidenceAttachment as kernel::Record>::example();
    let stored = Stored::new(example_id(1), example_id(2), example_timestamp(), example);
    json!({ "attachment": AttachmentDto::new(&stored) })
}

pub(crate) fn post_document() -> Document {
    let mut query = Query::describe(UploadHead::read_reason);
    query.extend(UploadHead::describe_headers());
    Document {
        query,
        request: Some(Media::bytes(
            "The bytes of the file, as they are, in the media type that `Content-Type` states.",
            "table,rows,restored\naccounts,48211,48211\n",
        )),
        status: 201,
        response: Media {
            schema: json!({
                "type": "object",
                "required": ["attachment"],
                "properties": { "attachment": { "$ref": format!("#/components/schemas/{COMPONENT}") } },
            }),
            example: example(),
        },
        line: None,
        errors: &[400, 409, 413, 415, 422, 507],
        codes: &[],
        response_headers: &["Location", "Idempotent-Replayed"],
    }
}
