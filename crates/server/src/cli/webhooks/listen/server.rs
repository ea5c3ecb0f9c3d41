//! The server whose events are heard, over its public API.

use std::{error::Error as _, path::PathBuf, time::Duration};

use clap::Args;
use delivery::Roots;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url, header::ACCEPT, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::sse::{Event, Parser};
use crate::{
    failure::{Context as _, Failure},
    settings::{CLIENT_ID_VARIABLE, CLIENT_SECRET_FILE_VARIABLE, CLIENT_SECRET_VARIABLE},
};

/// How long nothing may come of a server, which says every 15 s that it is there.
const SILENCE: Duration = Duration::from_secs(45);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A service account's, which may read what it is to hear of and has `webhooks:manage`.
#[derive(Debug, Args)]
pub(super) struct Credentials {
    /// The account's client id [env: NOVANTRA_CLIENT_ID]
    #[arg(long, value_name = "CLIENT_ID")]
    client_id: Option<String>,
    /// A file that holds its secret [env: NOVANTRA_CLIENT_SECRET_FILE; the secret itself: NOVANTRA_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

pub(super) struct Account {
    client_id: String,
    secret: SecretString,
}

impl Credentials {
    /// The credentials, from flags or from the environment.
    ///
    /// # Errors
    /// What is missing, or a file that can't be read.
    pub(super) fn read(&self) -> Result<Account, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let client_id = self.client_id.clone().or_else(|| variable(CLIENT_ID_VARIABLE)).ok_or_else(|| {
            Failure::usage(format!("whose events? --client-id or {CLIENT_ID_VARIABLE} names a service account"))
        })?;
        let file = self.client_secret_file.clone();
        let secret = match file.or_else(|| variable(CLIENT_SECRET_FILE_VARIABLE).map(PathBuf::from)) {
            Some(file) => std::fs::read_to_string(&file).or_fail(|| format!("can't read {}", file.display()))?,
            None => variable(CLIENT_SECRET_VARIABLE).ok_or_else(|| {
                Failure::usage(format!(
                    "--client-secret-file, {CLIENT_SECRET_FILE_VARIABLE} or {CLIENT_SECRET_VARIABLE} gives the account's secret"
                ))
            })?,
        };
        Ok(Account { client_id, secret: SecretString::from(secret.trim().to_owned()) })
    }
}

/// Why nothing is heard.
pub(super) enum Setback {
    /// It is not worth trying again.
    Final(Failure),
    /// It may be over in a while.
    Passing(String),
}

pub(super) struct Server {
    http: Client,
    base: String,
    query: String,
    account: Account,
}

/// The events of a server that is being heard.
pub(super) struct Events {
    response: Response,
    parser: Parser,
}

/// A client that believes what the system believes.
///
/// # Errors
/// When it believes nobody and the URL needs it to.
pub(super) fn tls(url: &Url) -> Result<ClientBuilder, Failure> {
    Ok(match url.scheme() {
        "https" => Client::builder().tls_backend_preconfigured(Roots::System.client_config()?),
        "http" => Client::builder().tls_backend_preconfigured(Roots::none()),
        _ => return Err(Failure::usage(format!("{url} begins with neither https:// nor http://"))),
    })
}

impl Server {
    /// # Errors
    /// A URL that is none, or no certificates to trust.
    pub(super) fn new(url: &Url, account: Account, event_types: &[webhooks::EventType]) -> Result<Self, Failure> {
        let http = tls(url)?
            .user_agent(concat!("novantra/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENCE)
            .build()
            .or_fail(|| "can't call the server".to_owned())?;
        let names: Vec<&str> = event_types.iter().map(|event| event.name()).collect();
        let query = if names.is_empty() { String::new() } else { format!("?eventTypes={}", names.join(",")) };
        Ok(Self { http, base: url.as_str().trim_end_matches('/').to_owned(), query, account })
    }

    /// Gets a token and opens the stream, signed with this secret if there was one before.
    pub(super) async fn open(&self, secret: Option<&str>) -> Result<Events, Setback> {
        let credentials = serde_json::json!({
            "grant_type": "client_credentials",
            "client_id": self.account.client_id,
            "client_secret": self.account.secret.expose_secret(),
        });
        let token = self.http.post(format!("{}/api/v1/auth/token", self.base)).json(&credentials).send().await;
        let issued = good(token).await?.json::<Value>().await.map_err(broken)?;
        let stream = format!("{}/api/v1/webhooks/stream{}", self.base, self.query);
        let mut request = self.http.get(stream).bearer_auth(issued["access_token"].as_str().unwrap_or_default());
        if let Some(secret) = secret {
            request = request.header("Webhook-Secret", secret);
        }
        let response = good(request.header(ACCEPT, "text/event-stream").send().await).await?;
        Ok(Events { response, parser: Parser::default() })
    }
}

impl Events {
    /// The next event, however long it takes.
    pub(super) async fn next(&mut self) -> Result<Event, Setback> {
        loop {
            if let Some(event) = self.parser.next() {
                return Ok(event);
            }
            match self.response.chunk().await.map_err(broken)? {
                Some(bytes) => self.parser.take(&bytes).map_err(|error| Setback::Final(Failure::new(error)))?,
                None => return Err(Setback::Passing("the server ended the stream".to_owned())),
            }
        }
    }
}

fn broken(error: reqwest::Error) -> Setback {
    Setback::Passing(format!("the server can't be heard: {}", cause(&error.without_url())))
}

/// What an error came from in the end: what stands above it says only that something was wrong.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return error.to_string() };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// An answer that is one, or what it says it is not for.
async fn good(answer: Result<Response, reqwest::Error>) -> Result<Response, Setback> {
    let response = answer.map_err(broken)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let said: Value = response.json().await.unwrap_or_default();
    let says = format!("the server says {}: {}", status.as_u16(), said["message"].as_str().unwrap_or("nothing more"));
    let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(if passing { Setback::Passing(says) } else { Setback::Final(Failure::new(says)) })
}
