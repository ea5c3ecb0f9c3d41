//! The files of evidence of the web app under test.

use std::sync::Arc;

use api_v1::AttachmentServices;
use async_trait::async_trait;
use bytes::Bytes;
use console::EvidenceFiles;
use evidence::{
    AttachedFile, AttachmentStatus, ContentStore as _, ContentType, EvidenceAttachment, EvidenceContent, FileName,
    ObjectKey, Sha256,
};
use http_api::{
    App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{OrganizationId, Stored};

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

    /// Removes the bytes of all files, as an operator might by mistake.
    pub(crate) async fn remove_files(&self) {
        for object in self.contents.list(None, 100).await.unwrap() {
            self.contents.remove(&object.name).await.unwrap();
        }
    }
}
