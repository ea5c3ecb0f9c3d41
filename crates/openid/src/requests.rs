//! Requests to the provider. Its answers are bounded in time and size, redirects are not followed, and no proxy of the
//! environment is used.

use std::{error::Error, sync::OnceLock, time::Duration};

use delivery::{Roots, RootsUnavailable};
use reqwest::{Client, RequestBuilder, StatusCode, header, redirect};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

/// Timeout for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a request, until the answer is complete.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of an answer.
const MAX_ANSWER: usize = 512 * 1024;

/// The reason that the provider can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderProblem {
    /// There are no root certificates.
    #[error(transparent)]
    Roots(#[from] RootsUnavailable),
    /// There was no answer.
    #[error("{url} can't be reached: {cause}")]
    Unreachable {
        /// The address.
        url: String,
        /// The cause.
        cause: String,
    },
    /// The answer took too long.
    #[error("{url} did not answer within {} s", REQUEST_TIMEOUT.as_secs())]
    TimedOut {
        /// The address.
        url: String,
    },
    /// The answer has another status.
    #[error("{url} answered with the status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is too large.
    #[error("the answer of {url} is larger than {} KiB", MAX_ANSWER / 1024)]
    TooLarge {
        /// The address.
        url: String,
    },
    /// The answer is no JSON document.
    #[error("the answer of {url} is not JSON")]
    NotJson {
        /// The address.
        url: String,
    },
    /// The answer lacks what the protocol requires.
    #[error("{0}")]
    Malformed(String),
    /// The last attempt failed a moment ago, so there was no other one.
    #[error("the provider could not be reached a moment ago")]
    FailedBefore,
}

/// A JSON answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// The HTTP client for one provider.
pub(crate) struct Requests {
    roots: Roots,
    /// Whether connections are encrypted. Those to this machine need no root certificates.
    is_encrypted: bool,
    /// Built on first use, because root certificates take memory.
    client: OnceLock<Result<Client, RootsUnavailable>>,
}

impl Requests {
    pub(crate) fn new(roots: Roots, is_encrypted: bool) -> Self {
        Self { roots, is_encrypted, client: OnceLock::new() }
    }

    fn client(&self) -> Result<&Client, ProviderProblem> {
        let client = self.client.get_or_init(|| {
            let config = if self.is_encrypted { self.roots.client_config()? } else { Roots::empty_client_config() };
            let client = Client::builder()
                .user_agent(concat!("Novantra/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT_TIMEOUT)
                // A code that is sent on a connection that is being closed is lost, and sign-ins are rare.
                .pool_max_idle_per_host(0)
                .https_only(self.is_encrypted)
                .tls_backend_preconfigured(config)
                .build();
            Ok(client.expect("building a client with a complete TLS configuration does not fail"))
        });
        client.as_ref().map_err(|error| ProviderProblem::Roots(*error))
    }

    /// Reads a document.
    pub(crate) async fn get(&self, url: &Url, bearer: Option<&str>) -> Result<Value, ProviderProblem> {
        let request = self.client()?.get(url.clone());
        let request = match bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = send(request, url).await?;
        if answer.status != StatusCode::OK {
            return Err(ProviderProblem::Status { url: url.to_string(), status: answer.status.as_u16() });
        }
        Ok(answer.body)
    }

    /// Sends a form. The answer may have any status.
    pub(crate) async fn post(
        &self,
        url: &Url,
        form: String,
        authorization: Option<String>,
    ) -> Result<Answer, ProviderProblem> {
        let request =
            self.client()?.post(url.clone()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = match authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        };
        send(request.body(form), url).await
    }
}

async fn send(request: RequestBuilder, url: &Url) -> Result<Answer, ProviderProblem> {
    let request = request.header(header::ACCEPT, "application/json");
    match timeout(REQUEST_TIMEOUT, receive(request, url)).await {
        Ok(answer) => answer,
        Err(_) => Err(ProviderProblem::TimedOut { url: url.to_string() }),
    }
}

async fn receive(request: RequestBuilder, url: &Url) -> Result<Answer, ProviderProblem> {
    let unreachable = |error: reqwest::Error| ProviderProblem::Unreachable {
        url: url.to_string(),
        cause: root_cause(&error.without_url()),
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(ProviderProblem::TooLarge { url: url.to_string() });
        }
        body.extend_from_slice(&chunk);
    }
    match serde_json::from_slice(&body) {
        Ok(body) => Ok(Answer { status, body }),
        Err(_) if !status.is_success() => {
            Err(ProviderProblem::Status { url: url.to_string(), status: status.as_u16() })
        }
        Err(_) => Err(ProviderProblem::NotJson { url: url.to_string() }),
    }
}

/// The last error of the chain, which names the cause.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
