//! Forwarding of events: posts the signed bytes unchanged, with the headers of a delivery.

use std::time::Duration;

use reqwest::{Client, Url, header::CONTENT_TYPE, redirect};
use serde_json::Value;
use webhooks::ATTEMPT_TIMEOUT;

use super::server::client_builder;
use crate::failure::{Failure, ResultExt as _, root_cause};

/// Maximum duration of connecting to the program.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Forwarder {
    http: Client,
    to: Url,
}

impl Forwarder {
    /// Creates a client with the timeout of a delivery, which follows no redirects.
    ///
    /// # Errors
    /// If the URL is https and the system has no root certificates.
    pub(super) fn new(to: Url) -> Result<Self, Failure> {
        let http = client_builder(&to)?
            .user_agent(concat!("Novantra-Webhooks/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ATTEMPT_TIMEOUT)
            .build()
            .context(|| "can't set up the client that forwards events".to_owned())?;
        Ok(Self { http, to })
    }

    /// Posts the event in `data`, the data of a server-sent event. Returns the status of the response, or why there is
    /// none.
    pub(super) async fn forward(&self, data: &Value) -> Result<u16, String> {
        let (Some(headers), Some(body)) = (data["headers"].as_object(), data["body"].as_str()) else {
            return Err("the server sent an event without headers or body".to_owned());
        };
        let mut request = self.http.post(self.to.clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers.iter().filter(|(name, _)| name.starts_with("webhook-")) {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        match request.body(body.to_owned()).send().await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) if error.is_timeout() => Err("timed out".to_owned()),
            Err(error) => {
                let prefix = if error.is_connect() { "not reachable: " } else { "" };
                Err(format!("{prefix}{}", root_cause(&error.without_url())))
            }
        }
    }
}
