//! Whether the bytes of uploaded files are still there when a claim is made with them.

use std::sync::Arc;

use evidence::{AttachmentStatus, EvidenceAttachment, EvidenceContent, StoredContent};
use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use http_api::{App, request::ApiRequest, response::Problem};
use kernel::{Id, Reader, Stored};

use crate::attachment_services::{AttachmentServices, content_problem};

/// The maximum number of objects that the store is asked for at a time.
const MAX_CONCURRENT: usize = 8;

/// Checks that the object of each attachment exists and has its size. Attachments that can't be linked for other reasons
/// are left to the decision.
///
/// # Errors
/// A 422 response that names an attachment without its bytes.
pub(super) async fn check_stored(
    app: &App,
    request: &ApiRequest,
    attachments: &[Id<EvidenceAttachment>],
) -> Result<(), Problem> {
    if attachments.is_empty() {
        return Ok(());
    }
    let (store, caller) = (&*app.services.store, request.principal()?);
    let (organization, account) = (caller.organization(), caller.caller()?.account.meta.id);
    let found = attachments.iter().map(|id| Reader::<EvidenceAttachment>::get(store, organization, *id));
    let found: Vec<_> = try_join_all(found).await?.into_iter().flatten().collect();
    let is_linkable = |attachment: &&Stored<EvidenceAttachment>| {
        attachment.record.uploaded_by == Some(account) && attachment.record.status == AttachmentStatus::Unlinked
    };
    let linkable: Vec<_> = found.iter().filter(is_linkable).collect();
    let hashes: Vec<&str> = linkable.iter().map(|attachment| attachment.record.sha256.as_str()).collect();
    let contents = Reader::<EvidenceContent>::get_by_keys(store, organization, &hashes).await?;
    let services = AttachmentServices::of(request)?;
    let objects: Vec<_> = linkable
        .into_iter()
        .map(|attachment| {
            let content = contents.iter().find(|content| content.record.key == attachment.record.sha256);
            (attachment.meta.id, content.and_then(|content| content.record.object()))
        })
        .collect();
    let checks = objects.into_iter().map(|(id, object)| check(Arc::clone(&services), id, object));
    stream::iter(checks).buffered(MAX_CONCURRENT).try_collect().await
}

async fn check(
    services: Arc<AttachmentServices>,
    id: Id<EvidenceAttachment>,
    object: Option<StoredContent>,
) -> Result<(), Problem> {
    let Some(object) = object else { return Err(without_bytes(id)) };
    match services.store.read(&object, 0..0).await {
        Ok(_) => Ok(()),
        Err(error) if error.damage().is_some() => {
            tracing::error!(attachment = %id, %error, "no claim was made with an attachment whose bytes are missing or were altered: restore them from a backup, or upload them again");
            Err(without_bytes(id))
        }
        Err(error) => Err(content_problem(error)),
    }
}

fn without_bytes(id: Id<EvidenceAttachment>) -> Problem {
    Problem::unprocessable(format!(
        "the bytes of the attachment {id} are missing or were altered in the store of attachments: upload the same file again, \
         which restores them, and repeat the request"
    ))
}
