//! The parts of the server that the web app uses beside the store.

use std::sync::Arc;

use audit::CheckpointVerifier;
use audit_store::PublishedLog;
use http_api::{request::ApiRequest, response::Problem};
use integrations::Endpoints;
use kernel::Kind;
use registers::CompletionRenderer;
use serde_json::Value;

use crate::{evidence_files::EvidenceFiles, tables::RecordTables};

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
    /// The logs with their proofs.
    pub audit_log: Arc<PublishedLog>,
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
