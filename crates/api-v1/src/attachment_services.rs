//! The services that only the endpoints of attachments use.

use std::sync::Arc;

use evidence::{ContentError, ContentStore};
use http_api::response::Problem;

use crate::{
    attachment_limits::{AttachmentLimits, ReceivedBytes},
    content_locks::ContentLocks,
    content_verifier::ContentVerifier,
};

/// The store of attachments, and their limits.
pub struct AttachmentServices {
    pub(crate) store: Arc<dyn ContentStore>,
    pub(crate) limits: AttachmentLimits,
    pub(crate) received: Arc<ReceivedBytes>,
    pub(crate) locks: ContentLocks,
    pub(crate) verifier: ContentVerifier,
}

impl AttachmentServices {
    /// Creates the services over this object store, with these limits.
    #[must_use]
    pub fn new(store: Arc<dyn ContentStore>, limits: AttachmentLimits) -> Self {
        let verifier = ContentVerifier::new(Arc::clone(&store));
        Self { store, limits, received: Arc::default(), locks: ContentLocks::default(), verifier }
    }

    /// The limits of attachments.
    #[must_use]
    pub fn limits(&self) -> &AttachmentLimits {
        &self.limits
    }
}

/// Returns the response to a failure of the object store, which is logged.
pub(crate) fn content_problem(error: ContentError) -> Problem {
    match error {
        ContentError::Unavailable(_) => {
            tracing::warn!(%error, "the store of attachments is not available");
            Problem::unavailable_because("the store of attachments is not available: try again")
        }
        ContentError::Full(_) => {
            tracing::warn!(%error, "the store of attachments has no space left");
            Problem::unavailable_because("the store of attachments has no space left: try again later")
        }
        ContentError::Missing(_) => {
            tracing::error!(%error, "the bytes of an attachment are missing: restore them from a backup, or upload them again");
            Problem::damaged(
                "the bytes of this attachment are missing in the store of attachments: upload the file again, or ask the operator to restore it",
            )
        }
        ContentError::Altered(_) => {
            tracing::error!(%error, "the bytes of an attachment were altered: restore them from a backup, or upload them again");
            Problem::damaged(
                "the bytes of this attachment were altered in the store of attachments: upload the file again, or ask the operator to restore it",
            )
        }
    }
}
