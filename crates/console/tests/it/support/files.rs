//! The files of evidence of the web app under test.

use std::sync::Arc;

use api_v1::{AttachmentServices, SentFiles};
use async_trait::async_trait;
use bytes::Bytes;
use console::{ClaimUpload, EvidenceFiles, FileLimits};
use evidence::{
    AttachedFile, AttachmentStatus, ClaimFiles, ContentStore as _, ContentType, EvidenceAttachment, EvidenceContent,
    FileName, ObjectKey, Sha256,
};
use http_api::{
    App,
    handlers::WriteOutcome,
    request::{ApiRequest, ByteSource},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, OrganizationId, Stored, WriteContext};

use super::TestApp;

/// The files of the API.
pub(super) struct Files(pub(super) Arc<AttachmentServices>);

#[async_trait]
impl EvidenceFiles for Files {
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

impl TestApp {
    /// Stores a linked attachment with these bytes.
    pub(crate) async fn store_file(&self, name: &str, bytes: &'static [u8]) -> Stored<EvidenceAttachment> {
        let (home, id) = (self.fixture.home, self.fixture.new_id::<EvidenceContent>().ulid());
        let mut upload = self.contents.begin_upload(home, id).await.unwrap();
        upload.write(Bytes::from_static(bytes)).await.unwrap();
        let object = upload.finish().await.unwrap().store(id).await.unwrap();
        let sha256 = Sha256::parse(&object.key.hash.to_string()).unwrap();
        let size = i64::try_from(object.size).unwrap();
        let content = EvidenceContent {
            key: sha256.clone(),
            size,
            object_key: Some(ObjectKey::parse(&object.key.to_string()).unwrap()),
        };
        self.fixture.create(home, content).await;
        let attachment = EvidenceAttachment {
            file_name: FileName::parse(name).unwrap(),
            content_type: ContentType::parse("text/csv").unwrap(),
            size,
            sha256,
            uploaded_by: None,
            claim_id: None,
            status: AttachmentStatus::Linked,
        };
        self.fixture.create(home, attachment).await
    }

    /// The number of objects in the store of attachments, with uploads that are not finished.
    pub(crate) async fn stored_objects(&self) -> usize {
        self.contents.list(None, 100).await.unwrap().len()
    }

    /// Removes the bytes of all files, as an operator might by mistake.
    pub(crate) async fn remove_files(&self) {
        for object in self.contents.list(None, 100).await.unwrap() {
            self.contents.remove(&object.name).await.unwrap();
        }
    }
}
