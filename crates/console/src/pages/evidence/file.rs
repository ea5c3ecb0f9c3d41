//! The download of a file of a claim by the person who looks at it. Its entry in the audit log is a part of the custody of
//! the claim.

use evidence::{AttachmentStatus, EvidenceAttachment, EvidenceClaim};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Id, Reader};

use crate::services::ConsoleServices;

/// Handles the request for a file.
pub(super) fn download<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let claim = find::<EvidenceClaim>(app, request).await?;
        let id: Id<EvidenceAttachment> = request.path_id_at(1)?;
        if !claim.record.attachments.iter().any(|file| file.attachment_id() == id) {
            return Err(Problem::not_found());
        }
        let attachment = Reader::<EvidenceAttachment>::get(&*app.services.store, claim.meta.organization, id).await?;
        let attachment = attachment.filter(|attachment| attachment.record.status != AttachmentStatus::Removed);
        let attachment = attachment.ok_or_else(Problem::not_found)?;
        ConsoleServices::of(request)?.files.download(app, request, &attachment).await
    })
}
