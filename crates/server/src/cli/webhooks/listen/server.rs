//! Client of the event stream in a server's public API.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use delivery::Roots;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url, header::ACCEPT, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::sse::{Event, Parser};
use crate::{
    failure::{Failure, ResultExt as _, root_cause},
    settings::{CLIENT_ID_VARIABLE, CLIENT_SECRET_FILE_VARIABLE, CLIENT_SECRET_VARIABLE},
};

/// Maximum time without data from the server, which sends a keep-alive comment every 15 s.
const READ_TIMEOUT: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The credentials of a service account that has `webhooks:manage` and the read scopes of the events.
#[derive(Debug, Args)]
pub(super) struct CredentialArgs {
    /// The account's client id [env: NOVANTRA_CLIENT_ID]
    #[arg(long, value_name = "CLIENT_ID")]
    client_id: Option<String>,
    /// A file with the account's secret [env: NOVANTRA_CLIENT_SECRET_FILE; the secret itself: NOVANTRA_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

pub(super) struct ClientCredentials {
    client_id: String,
    secret: SecretString,
}

impl CredentialArgs {
    /// Reads the credentials from flags or from the environment.
    ///
    /// # Errors
    /// If the client id or the secret is missing, or the file can't be read.
    pub(super) fn read(&self) -> Result<ClientCredentials, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let client_id = self.client_id.clone().or_else(|| variable(CLIENT_ID_VARIABLE)).ok_or_else(|| {
            Failure::usage(format!("no service account is named: set --client-id or {CLIENT_ID_VARIABLE}"))
        })?;
        let file = self.client_secret_file.clone();
        let secret = match file.or_else(|| variable(CLIENT_SECRET_FILE_VARIABLE).map(PathBuf::from)) {
            Some(file) => std::fs::read_to_string(&file).context(|| format!("can't read {}", file.display()))?,
            None => variable(CLIENT_SECRET_VARIABLE).ok_or_else(|| {
                Failure::usage(format!(
                    "the account's secret is missing: set --client-secret-file, {CLIENT_SECRET_FILE_VARIABLE} or {CLIENT_SECRET_VARIABLE}"
                ))
            })?,
        };
        Ok(ClientCredentials { client_id, secret: SecretString::from(secret.trim().to_owned()) })
    }
}

/// The reason why the event stream could not be opened or broke off.
pub(super) enum StreamError {
    /// A retry can't succeed.
    Permanent(Failure),
    /// A retry may succeed.
    Transient(String),
}

pub(super) struct EventServer {
    http: Client,
    base: String,
    query: String,
    account: ClientCredentials,
}

/// An open event stream.
pub(super) struct SseStream {
    response: Response,
    parser: Parser,
}

/// Creates a client builder that trusts the system's root certificates.
///
/// # Errors
/// If the URL is https and there are no root certificates, or it is neither https nor http.
pub(super) fn client_builder(url: &Url) -> Result<ClientBuilder, Failure> {
    Ok(match url.scheme() {
        "https" => Client::builder().tls_backend_preconfigured(Roots::System.client_config()?),
        "http" => Client::builder().tls_backend_preconfigured(Roots::empty_client_config()),
        _ => return Err(Failure::usage(format!("{url} must begin with https:// or http://"))),
    })
}

impl EventServer {
    /// Creates a client of the server at `url` for these types of events, or for all if there are none.
    ///
    /// # Errors
    /// If the URL is invalid, or there are no root certificates.
    pub(super) fn new(
        url: &Url,
        account: ClientCredentials,
        event_types: &[webhooks::EventType],
    ) -> Result<Self, Failure> {
        let http = client_builder(url)?
            .user_agent(concat!("novantra/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .context(|| "can't set up the client of the server".to_owned())?;
        let names: Vec<&str> = event_types.iter().map(|event| event.name()).collect();
        let query = if names.is_empty() { String::new() } else { format!("?eventTypes={}", names.join(",")) };
        Ok(Self { http, base: url.as_str().trim_end_matches('/').to_owned(), query, account })
    }

    /// Requests a token and opens the stream. The server signs the events with `secret`, or with a new one if it is
    /// `None`.
    pub(super) async fn open(&self, secret: Option<&str>) -> Result<SseStream, StreamError> {
        let credentials = serde_json::json!({
            "grant_type": "client_credentials",
            "client_id": self.account.client_id,
            "client_secret": self.account.secret.expose_secret(),
        });
        let token = self.http.post(format!("{}/api/v1/auth/token", self.base)).json(&credentials).send().await;
        let issued = require_success(token).await?.json::<Value>().await.map_err(connection_error)?;
        let stream = format!("{}/api/v1/webhooks/stream{}", self.base, self.query);
        let mut request = self.http.get(stream).bearer_auth(issued["access_token"].as_str().unwrap_or_default());
        if let Some(secret) = secret {
            request = request.header("Webhook-Secret", secret);
        }
        let response = require_success(request.header(ACCEPT, "text/event-stream").send().await).await?;
        Ok(SseStream { response, parser: Parser::default() })
    }
}

impl SseStream {
    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Result<Event, StreamError> {
        loop {
            if let Some(event) = self.parser.next() {
                return Ok(event);
            }
            match self.response.chunk().await.map_err(connection_error)? {
                Some(bytes) => self.parser.push(&bytes).map_err(|error| StreamError::Permanent(Failure::new(error)))?,
                None => return Err(StreamError::Transient("the server closed the event stream".to_owned())),
            }
        }
    }
}

fn connection_error(error: reqwest::Error) -> StreamError {
    StreamError::Transient(format!("the connection to the server failed: {}", root_cause(&error.without_url())))
}

/// Returns the response if its status is a success, otherwise an error with the message of its body.
async fn require_success(response: Result<Response, reqwest::Error>) -> Result<Response, StreamError> {
    let response = response.map_err(connection_error)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    let message =
        format!("the server answered {}: {}", status.as_u16(), body["message"].as_str().unwrap_or("no message"));
    let is_transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(if is_transient { StreamError::Transient(message) } else { StreamError::Permanent(Failure::new(message)) })
}
