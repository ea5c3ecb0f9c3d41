//! The parts of the server that the web app uses beside the store.

use std::sync::Arc;

use async_trait::async_trait;
use audit::CheckpointVerifier;
use evidence::{AttachedFile, EvidenceAttachment};
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use integrations::Endpoints;
use kernel::{Kind, OrganizationId, Stored};
use registers::CompletionRenderer;
use serde_json::Value;

use crate::tables::RecordTables;

/// The parts of the server that the web app uses beside the store.
pub struct ConsoleServices {
    /// The payloads of the events that changes publish.
    pub events: Arc<dyn EventRenderers>,
    /// The files of evidence.
    pub files: Arc<dyn EvidenceFiles>,
    /// The parts that reach the endpoints of webhooks.
    pub endpoints: Endpoints,
    /// The public key of the installation's checkpoints.
    pub checkpoints: Arc<dyn CheckpointVerifier>,
    /// The same key in PEM, for whoever verifies an export.
    pub checkpoint_key_pem: String,
    /// The OpenAPI document of the API.
    pub api_document: Value,
    /// Imports and exports of tables.
    pub tables: Arc<dyn RecordTables>,
    /// The path of the collection of records of this kind in the API, if it needs no other parameter.
    pub api_path: fn(Kind) -> Option<&'static str>,
}

impl ConsoleServices {
    /// Returns the services of the surface that the request was sent to.
    pub(crate) fn of(request: &ApiRequest) -> Result<Arc<Self>, Problem> {
        request.state()
    }
}

/// Renders the payloads of all events that changes of people publish, in the format of the API.
pub trait EventRenderers:
    findings::EventRenderer + evidence::EventRenderer + submissions::EventRenderer + CompletionRenderer
{
}

impl<T> EventRenderers for T where
    T: findings::EventRenderer + evidence::EventRenderer + submissions::EventRenderer + CompletionRenderer
{
}

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
}
