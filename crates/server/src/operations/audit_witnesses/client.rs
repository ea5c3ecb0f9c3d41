//! Requests to a witness. Its answers are bounded in time and size, redirects are not followed, and no proxy of the
//! environment is used.

use std::{error::Error, sync::OnceLock, time::Duration};

use audit::AddCheckpoint;
use delivery::{Roots, RootsUnavailable};
use reqwest::{Client, Response, redirect};
use tokio::time::timeout;
use url::Url;

/// Timeout for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a request, until the answer is complete.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// The HTTP client for one witness.
pub(super) struct WitnessClient {
    url: Url,
    /// Built on first use, because root certificates take memory.
    client: OnceLock<Result<Client, RootsUnavailable>>,
}

impl WitnessClient {
    pub(super) fn new(url: Url) -> Self {
        Self { url, client: OnceLock::new() }
    }

    /// Sends a head. Returns the status and the body of the answer, or the reason that there is none.
    pub(super) async fn send(&self, request: &AddCheckpoint) -> Result<(u16, Vec<u8>), String> {
        let client = self.client.get_or_init(|| build(self.url.scheme() == "https"));
        let client = client.as_ref().map_err(RootsUnavailable::to_string)?;
        let answer = async {
            let sent = client.post(self.url.clone()).body(request.to_string()).send().await;
            read(sent.map_err(unreachable)?).await
        };
        match timeout(REQUEST_TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("it did not answer within {} s", REQUEST_TIMEOUT.as_secs())),
        }
    }
}

fn build(is_encrypted: bool) -> Result<Client, RootsUnavailable> {
    let config = if is_encrypted { Roots::System.client_config()? } else { Roots::empty_client_config() };
    let client = Client::builder()
        .user_agent(concat!("Novantra/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .https_only(is_encrypted)
        .tls_backend_preconfigured(config)
        .build();
    Ok(client.expect("building a client with a complete TLS configuration does not fail"))
}

async fn read(mut response: Response) -> Result<(u16, Vec<u8>), String> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(format!("its answer is larger than {} KiB", MAX_ANSWER / 1024));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// Describes a failed request by the last error of the chain, which names the cause.
fn unreachable(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("it can't be reached: {cause}")
}
