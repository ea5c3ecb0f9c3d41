//! Ports that only have to be there.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use console::{
    ClaimUpload, EvidenceFiles, FileLimits, NewTable, RecordTables, TableExport, TableImport, TableOptions,
    TableRefusal,
};
use crypto::{CursorKey, Encryptor};
use evidence::{AttachedFile, ClaimFiles, ContentType, EvidenceAttachment, FileName};
use kernel::{Attribution, Changeset, Entropy, Id, OrganizationId, OrganizationRef, Reason, Stored, WriteContext};
use novantra_http::{
    App, CommitListener, CursorSigner, Observer, ResponseCipher,
    handlers::WriteOutcome,
    request::{ApiRequest, ByteSource},
    response::{ApiResponse, Problem},
};
use store::TableImportId;
use tokio::sync::mpsc;
use webhooks::{AttemptOutcome, EndpointUrl, Message, Sender};

pub(super) struct Cursors(pub(super) CursorKey);

impl CursorSigner for Cursors {
    fn sign(&self, payload: &[u8]) -> String {
        self.0.sign(payload)
    }

    fn verify(&self, cursor: &str) -> Option<Vec<u8>> {
        self.0.verify(cursor)
    }
}

pub(super) struct Cipher(pub(super) Encryptor);

impl ResponseCipher for Cipher {
    fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8> {
        self.0.encrypt(entropy, purpose, body)
    }

    fn decrypt(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(purpose, sealed).ok().map(|body| body.to_vec())
    }
}

pub(super) struct Nothing;

impl Observer for Nothing {
    fn record_response(&self, _: &str, _: &'static str, _: u16, _: Duration) {}
}

impl CommitListener for Nothing {
    fn concerns(&self, _: &Changeset) -> bool {
        false
    }

    fn notify(&self) {}
}

#[async_trait]
impl Sender for Nothing {
    async fn send(&self, _: &EndpointUrl, _: Message) -> AttemptOutcome {
        AttemptOutcome {
            duration: Duration::ZERO,
            status: Some(204),
            response_body: None,
            failure: None,
            retry_after: None,
        }
    }
}

#[async_trait]
impl EvidenceFiles for Nothing {
    async fn download(&self, _: &App, _: &ApiRequest, _: &Stored<EvidenceAttachment>) -> Result<ApiResponse, Problem> {
        Err(Problem::not_found())
    }

    async fn are_stored(&self, _: &App, _: OrganizationId, _: &[AttachedFile]) -> Result<bool, Problem> {
        Ok(false)
    }

    fn limits(&self) -> FileLimits {
        FileLimits { file: 0, all: 0 }
    }

    fn begin_claim(&self) -> Box<dyn ClaimUpload> {
        Box::new(Self)
    }
}

#[async_trait]
impl ClaimUpload for Nothing {
    async fn receive(
        &mut self,
        _: &App,
        _: &ApiRequest,
        _: (FileName, ContentType),
        _: &mut dyn ByteSource,
    ) -> Result<(), Problem> {
        Err(Problem::not_found())
    }

    async fn store(&mut self, _: &App) -> Result<(), Problem> {
        Ok(())
    }

    async fn choose(&self, _: &App) -> Result<ClaimFiles, Problem> {
        Ok(ClaimFiles::New(Vec::new()))
    }

    async fn complete(
        &self,
        _: &App,
        _: &ApiRequest,
        _: &WriteContext<'_>,
        _: &mut Changeset,
        _: &ClaimFiles,
    ) -> Result<(), Problem> {
        Ok(())
    }

    async fn settle(self: Box<Self>, _: &App, _: WriteOutcome) {}
}

#[async_trait]
impl RecordTables for Nothing {
    async fn begin(&self, _: &NewTable) -> Result<Id<TableImportId>, TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn add_part(&self, _: OrganizationId, _: Id<TableImportId>, _: i64, _: Bytes) -> Result<(), TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn preview(&self, _: &OrganizationRef, _: Id<TableImportId>, _: TableOptions) -> Result<(), TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn find(&self, _: OrganizationId, _: Id<TableImportId>) -> Result<TableImport, TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn list(&self, _: OrganizationId) -> Result<Vec<TableImport>, TableRefusal> {
        Ok(Vec::new())
    }

    async fn start(
        &self,
        _: &OrganizationRef,
        _: Id<TableImportId>,
        _: Attribution,
        _: Reason,
    ) -> Result<(), TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn discard(&self, _: OrganizationId, _: Id<TableImportId>) -> Result<(), TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn failed_rows(&self, _: &OrganizationRef, _: Id<TableImportId>) -> Result<Bytes, TableRefusal> {
        Err(TableRefusal::NotFound)
    }

    async fn export(&self, _: TableExport, _: mpsc::Sender<Bytes>) -> Result<(), TableRefusal> {
        Err(TableRefusal::NotFound)
    }
}
