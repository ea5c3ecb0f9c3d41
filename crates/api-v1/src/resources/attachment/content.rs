//! The download of an attachment's bytes, as a whole or a range of them.

use std::sync::Arc;

use axum::http::{HeaderName, Method, StatusCode, header};
use evidence::{
    AttachedFile, AttachmentStatus, ContentDamage, ContentError, ContentKey, ContentReader, EvidenceAttachment,
    is_stored,
};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::find,
    request::{ApiRequest, ByteRange, Parameter, Query, attachment_disposition, sha256_digest},
    response::{ApiResponse, Problem},
    streams::{BytesResponse, StreamAbort, StreamWriter, reserve_download, respond_with_bytes},
};
use kernel::{OrganizationId, Stored, Subject};

use crate::{
    attachment_services::{AttachmentServices, content_problem},
    content_verifier::ContentVerifier,
    received_file::find_content,
};

/// The action of requests that get no bytes, so that the custody of a file has only those that do.
const READ: &str = "evidence_attachment.read";

/// The action of downloads that do not reach their end, in an entry of their own.
const ABORTED: &str = "evidence_attachment.download_aborted";

/// The number of bytes that a client must take within the time for a chunk.
const PIECE_BYTES: usize = 16 * 1024;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPRESENTATION_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The policy for a browser that shows the bytes although they are to be saved: they load and run nothing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; sandbox";

pub(crate) fn get<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let attachment = find::<EvidenceAttachment>(app, request).await?;
        if attachment.record.status == AttachmentStatus::Removed {
            return Err(Problem::not_found());
        }
        AttachmentServices::of(request)?.download(app, request, &attachment).await
    })
}

impl AttachmentServices {
    /// Responds with the bytes of an attachment, which are verified by their hash on the way, for a caller that may have
    /// them. The action of the request's route is that of its audit entry.
    ///
    /// # Errors
    /// The error response.
    pub async fn download(
        self: Arc<Self>,
        app: &App,
        request: &ApiRequest,
        attachment: &Stored<EvidenceAttachment>,
    ) -> Result<ApiResponse, Problem> {
        let response = download(self, app, request, attachment).await?;
        Ok(response.with_subject(Subject::from_id(attachment.meta.id)))
    }

    /// Whether the bytes of all these files are stored, each with its size. Nobody can have seen those that are not.
    ///
    /// # Errors
    /// A 503 response if a store fails.
    pub async fn are_stored(
        &self,
        app: &App,
        organization: OrganizationId,
        files: &[AttachedFile],
    ) -> Result<bool, Problem> {
        for file in files {
            let content = find_content(app, organization, file.sha256.as_str()).await?;
            let content = content.map(|content| content.record).filter(|content| content.size == file.size);
            if !is_stored(&*self.store, content.as_ref()).await.map_err(content_problem)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

async fn download(
    services: Arc<AttachmentServices>,
    app: &App,
    request: &ApiRequest,
    attachment: &Stored<EvidenceAttachment>,
) -> Result<ApiResponse, Problem> {
    let EvidenceAttachment { file_name, content_type, sha256, .. } = &attachment.record;
    let tag = format!("\"{sha256}\"");
    if request.client_has_tag(&tag) {
        return Ok(ApiResponse::empty(StatusCode::NOT_MODIFIED).header(header::ETAG, &tag).with_action(READ));
    }
    let content = find_content(app, attachment.meta.organization, sha256.as_str()).await?;
    let object = content.and_then(|content| content.record.object()).ok_or_else(|| {
        tracing::error!(attachment = %attachment.meta.id, "an attachment has no bytes: restore the database and the store of attachments from one backup");
        Problem::damaged("the bytes of this attachment are missing: ask the operator to restore them")
    })?;
    let part = match request.byte_range(object.size, &tag) {
        ByteRange::Whole => None,
        ByteRange::Part(part) => Some(part),
        ByteRange::Unsatisfiable => return Err(Problem::range_not_satisfiable(object.size)),
    };
    // A HEAD request reads no bytes, but is answered as the GET request would be.
    let is_head = request.parts.method == Method::HEAD;
    let memory =
        if is_head { None } else { Some(reserve_download(app, request, services.store.reader_bytes()).await?) };
    if part.is_some() && !is_head {
        // The reader of a part can't verify it by the hash of the whole.
        services.verifier.ensure_verified(&object).await.map_err(content_problem)?;
    }
    let range = if is_head { 0..0 } else { part.clone().unwrap_or(0..object.size) };
    let reader = services.store.read(&object, range).await.map_err(content_problem)?;
    let digest = sha256_digest(&object.key.hash.0);
    let response = BytesResponse {
        content_type: content_type.as_str(),
        length: object.size,
        part,
        abort_action: ABORTED,
        subject: Subject::from_id(attachment.meta.id),
    };
    let is_whole = response.part.is_none();
    let content = memory.map(move |memory| {
        let verified = is_whole.then_some(object.key);
        (memory, move |writer| async move { write(reader, writer, &services.verifier, verified).await })
    });
    let response = respond_with_bytes(app, request, &response, content)?;
    let response = if is_head { response.with_action(READ) } else { response }
        .header(header::ETAG, &tag)
        .header(REPRESENTATION_DIGEST, &digest)
        .header(header::CONTENT_DISPOSITION, attachment_disposition(file_name.as_str()))
        .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    Ok(if is_whole { response.header(CONTENT_DIGEST, digest) } else { response })
}

/// Writes the bytes at the client's pace. The reader returns the last of them only if all of them have their hash, so that
/// a response with altered bytes is never complete. `whole` is the object, if all of it is read.
async fn write(
    mut reader: Box<dyn ContentReader>,
    writer: StreamWriter,
    verifier: &ContentVerifier,
    whole: Option<ContentKey>,
) -> Result<(), StreamAbort> {
    loop {
        let next = reader.next().await;
        if let Some(key) = whole.filter(|_| !matches!(next, Ok(Some(_)))) {
            verifier.note(key, next.as_ref().map(|_| ()));
        }
        let Some(mut bytes) = next.map_err(aborted)? else { break };
        while !bytes.is_empty() {
            writer.send(bytes.split_to(bytes.len().min(PIECE_BYTES))).await?;
        }
    }
    writer.finish(bytes::Bytes::new()).await
}

fn aborted(error: ContentError) -> StreamAbort {
    let cause = error.damage().map_or("store_failed", ContentDamage::name);
    StreamAbort::Content { cause, error: Box::new(error) }
}

pub(crate) fn document() -> Document {
    Document {
        query: vec![
            Parameter::header(
                "Range",
                "One range of bytes, such as `bytes=0-1023`. The response is 206 with these bytes. Several ranges are answered with all bytes.",
                false,
            ),
            Parameter::header(
                "If-Range",
                "The `ETag` of the content that the range belongs to. If the content has another one, the response has all bytes.",
                false,
            ),
        ],
        request: None,
        status: 200,
        response: Media::bytes(
            "The bytes of the file, in the media type that they were uploaded in. They are never compressed.",
            "table,rows,restored\naccounts,48211,48211\n",
        ),
        line: None,
        errors: &[206, 304, 400, 404, 416],
        codes: &[],
        response_headers: &[
            "ETag",
            "Accept-Ranges",
            "Content-Length",
            "Content-Disposition",
            "Content-Digest",
            "Repr-Digest",
        ],
    }
}
