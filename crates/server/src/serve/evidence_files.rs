//! The files of evidence, as the web app gets them: the services of the API's attachments.

use std::sync::Arc;

use api_v1::{AttachmentServices, SentFiles};
use async_trait::async_trait;
use console::{ClaimUpload, EvidenceFiles, FileLimits};
use evidence::{AttachedFile, ClaimFiles, ContentType, EvidenceAttachment, FileName};
use http_api::{
    App,
    handlers::WriteOutcome,
    request::{ApiRequest, ByteSource},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, OrganizationId, Stored, WriteContext};

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

    fn limits(&self) -> FileLimits {
        let limits = self.0.limits();
        FileLimits { file: limits.max_bytes, all: limits.max_bytes_of_claim() }
    }

    fn begin_claim(&self) -> Box<dyn ClaimUpload> {
        Box::new(Upload(SentFiles::new(Arc::clone(&self.0))))
    }
}

/// The files of a claim that is about to be made.
struct Upload(SentFiles);

#[async_trait]
impl ClaimUpload for Upload {
    async fn receive(
        &mut self,
        app: &App,
        request: &ApiRequest,
        head: (FileName, ContentType),
        source: &mut dyn ByteSource,
    ) -> Result<(), Problem> {
        self.0.receive(app, request, head, source).await
    }

    async fn store(&mut self, app: &App) -> Result<(), Problem> {
        self.0.store(app).await
    }

    async fn choose(&self, app: &App) -> Result<ClaimFiles, Problem> {
        self.0.choose(app).await
    }

    async fn complete(
        &self,
        app: &App,
        request: &ApiRequest,
        context: &WriteContext<'_>,
        changeset: &mut Changeset,
        files: &ClaimFiles,
    ) -> Result<(), Problem> {
        self.0.complete(app, request, context, changeset, files).await
    }

    async fn settle(self: Box<Self>, app: &App, outcome: WriteOutcome) {
        self.0.settle(app, outcome).await;
    }
}
