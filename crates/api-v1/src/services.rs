//! The state of this surface: the services that only its endpoints use.

use std::sync::Arc;

use audit_store::PublishedLog;
use http_api::{request::ApiRequest, response::Problem};

use crate::{attachment_services::AttachmentServices, webhook_services::WebhookServices};

/// The services that only the endpoints of this API use.
pub struct ApiServices {
    /// Those of webhooks.
    pub webhooks: Arc<WebhookServices>,
    /// Those of attachments.
    pub attachments: Arc<AttachmentServices>,
    /// The logs with their proofs.
    pub audit_log: Arc<PublishedLog>,
}

impl WebhookServices {
    /// Returns the services of the surface that the request was sent to.
    pub(crate) fn of(request: &ApiRequest) -> Result<Arc<Self>, Problem> {
        Ok(Arc::clone(&request.state::<ApiServices>()?.webhooks))
    }
}

impl AttachmentServices {
    /// Returns the services of the surface that the request was sent to.
    pub(crate) fn of(request: &ApiRequest) -> Result<Arc<Self>, Problem> {
        Ok(Arc::clone(&request.state::<ApiServices>()?.attachments))
    }
}
