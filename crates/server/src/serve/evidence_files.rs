//! The files of evidence, as the web app gets them: the services of the API's attachments.

use std::sync::Arc;

use api_v1::AttachmentServices;
use async_trait::async_trait;
use console::EvidenceFiles;
use evidence::{AttachedFile, EvidenceAttachment};
use http_api::{
    App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{OrganizationId, Stored};

/// The files of evidence.
pub(super) struct SharedFiles(pub(super) Arc<AttachmentServices>);

#[async_trait]
impl EvidenceFiles for SharedFiles {
    async fn download(
        &self,
        app: &App,
        request: &ApiRequest,
        attachment: &Stored<EvidenceAttachment>,
    ) -> Result<ApiResponse, Problem> {
        Arc::clone(&self.0).download(app, request, attachment).await
    }

    async fn are_stored(
        &self,
        app: &App,
        organization: OrganizationId,
        files: &[AttachedFile],
    ) -> Result<bool, Problem> {
        self.0.are_stored(app, organization, files).await
    }
}
