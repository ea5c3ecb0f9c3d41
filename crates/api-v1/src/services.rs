//! The state of this surface: the services that only its endpoints use.

use std::sync::Arc;

use crate::{attachment_services::AttachmentServices, webhook_services::WebhookServices};

/// The services that only the endpoints of this API use.
pub struct ApiServices {
    /// Those of webhooks.
    pub webhooks: Arc<WebhookServices>,
    /// Those of attachments.
    pub attachments: Arc<AttachmentServices>,
}
