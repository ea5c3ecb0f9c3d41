//! The state of this surface: the services that only its pages use.

use std::sync::Arc;

use audit::CheckpointVerifier;
use http_api::{request::ApiRequest, response::Problem};
use integrations::Endpoints;
use serde_json::Value;

/// The services that only the pages of the web app use.
pub struct ConsoleServices {
    /// The parts that reach the endpoints of webhooks.
    pub endpoints: Endpoints,
    /// The public key of the installation's checkpoints.
    pub checkpoints: Arc<dyn CheckpointVerifier>,
    /// The OpenAPI document of the API.
    pub api_document: Value,
}

impl ConsoleServices {
    /// Returns the services of the surface that the request was sent to.
    pub(crate) fn of(request: &ApiRequest) -> Result<Arc<Self>, Problem> {
        request.state()
    }
}
