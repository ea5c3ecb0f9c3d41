//! The files of evidence, as the pages see them. The server implements them with the services of the API's attachments.

use async_trait::async_trait;
use evidence::{AttachedFile, ClaimFiles, ContentType, EvidenceAttachment, FileName};
use http_api::{
    handlers::WriteOutcome,
    pipeline::App,
    request::{ApiRequest, ByteSource},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, OrganizationId, Stored, WriteContext};

/// The files of evidence: their bytes, and whether they are there.
#[async_trait]
pub trait EvidenceFiles: Send + Sync {
    /// Responds with the bytes of an attachment, which are verified on the way.
    ///
    /// # Errors
    /// The error response.
    async fn download(
        &self,
        app: &App,
        request: &ApiRequest,
        attachment: &Stored<EvidenceAttachment>,
    ) -> Result<ApiResponse, Problem>;

    /// Whether the bytes of all these files are stored.
    ///
    /// # Errors
    /// A 503 response if a store fails.
    async fn are_stored(
        &self,
        app: &App,
        organization: OrganizationId,
        files: &[AttachedFile],
    ) -> Result<bool, Problem>;

    /// The limits of the files that a claim is made with.
    fn limits(&self) -> FileLimits;

    /// Begins to receive the files of a claim.
    fn begin_claim(&self) -> Box<dyn ClaimUpload>;
}

/// The limits of the files that a claim is made with.
#[derive(Clone, Copy, Debug)]
pub struct FileLimits {
    /// The maximum size of a file, in bytes.
    pub file: u64,
    /// The maximum size of all files together, in bytes.
    pub all: u64,
}

/// The files of a claim that is about to be made, from their bytes to the objects that its attachments have.
#[async_trait]
pub trait ClaimUpload: Send + Sync {
    /// Receives a file. It is not held in memory as a whole.
    ///
    /// # Errors
    /// A 413, 429 or 507 response if the limits of storage do not allow it, and those of the source. Nothing of the file
    /// remains then.
    async fn receive(
        &mut self,
        app: &App,
        request: &ApiRequest,
        head: (FileName, ContentType),
        source: &mut dyn ByteSource,
    ) -> Result<(), Problem>;

    /// Stores the bytes of all files, before the write that refers to them.
    ///
    /// # Errors
    /// A 503 response if a store fails.
    async fn store(&mut self, app: &App) -> Result<(), Problem>;

    /// Chooses the objects that the attachments have.
    ///
    /// # Errors
    /// A 503 response if a store fails.
    async fn choose(&self, app: &App) -> Result<ClaimFiles, Problem>;

    /// Completes the changeset that makes the claim with these files.
    ///
    /// # Errors
    /// A 429 or 507 response if the limits of storage do not allow it.
    async fn complete(
        &self,
        app: &App,
        request: &ApiRequest,
        context: &WriteContext<'_>,
        changeset: &mut Changeset,
        files: &ClaimFiles,
    ) -> Result<(), Problem>;

    /// Discards what no attachment has after the write.
    async fn settle(self: Box<Self>, app: &App, outcome: WriteOutcome);
}
