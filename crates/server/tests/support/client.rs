//! A client of the API.

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use super::{Balancer, DEADLINE, PollTimer};

const TOKEN: &str = "/api/v1/auth/token";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The client credentials of a service account.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// A response with its complete body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// An API client with one access token.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    target: Target,
    token: Option<String>,
}

#[derive(Clone)]
enum Target {
    /// One server that is running.
    Server(String),
    /// Any of several servers. Some may be down: then the request is sent again.
    Balanced(Balancer),
}

impl Credentials {
    /// Reads the credentials that a command or a server printed.
    pub(crate) fn from_json(output: &Value) -> Self {
        let text = |name: &str| output[name].as_str().expect("credentials").to_owned();
        Self { client_id: text("client_id"), client_secret: text("client_secret") }
    }
}

impl Client {
    /// A client without a token.
    pub(crate) fn new(url: &str) -> Self {
        Self::with_target(Target::Server(url.to_owned()))
    }

    fn with_target(target: Target) -> Self {
        let http = reqwest::Client::builder().timeout(DEADLINE).build().expect("a client");
        Self { http, target, token: None }
    }

    /// A client with a token of this account.
    pub(crate) async fn with_token(url: &str, credentials: &Credentials) -> Self {
        Self::new(url).authenticated(credentials).await
    }

    /// A client with a token of this account, or `None` if the server issues none at present.
    pub(crate) async fn try_with_token(url: &str, credentials: &Credentials) -> Option<Self> {
        let client = Self::new(url);
        let answer = client.request_token(credentials).await;
        let token = answer.body["access_token"].as_str().filter(|_| answer.status == 200)?.to_owned();
        Some(Self { token: Some(token), ..client })
    }

    /// The token of the client.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    /// A client with a token of this account, for any running server.
    pub(crate) async fn with_balancer(balancer: &Balancer, credentials: &Credentials) -> Self {
        Self::with_target(Target::Balanced(balancer.clone())).authenticated(credentials).await
    }

    async fn authenticated(self, credentials: &Credentials) -> Self {
        let answer = self.request_token(credentials).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.body["access_token"].as_str().expect("a token").to_owned();
        Self { token: Some(token), ..self }
    }

    /// A client with the same token for another server.
    pub(crate) fn for_server(&self, url: &str) -> Self {
        Self { target: Target::Server(url.to_owned()), ..self.clone() }
    }

    /// The URL for the next request.
    pub(crate) fn next_url(&self) -> String {
        match &self.target {
            Target::Server(url) => url.clone(),
            Target::Balanced(balancer) => balancer.next_url(),
        }
    }

    /// Requests a token.
    pub(crate) async fn request_token(&self, credentials: &Credentials) -> Answer {
        let Credentials { client_id, client_secret } = credentials;
        let body = json!({
            "grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret,
        });
        // The credentials are in the body; an additional token would make the identity of the caller ambiguous.
        let bare = Self { token: None, ..self.clone() };
        bare.send(Method::POST, TOKEN, &[], Some(&body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    /// Returns all records of a list, page by page.
    pub(crate) async fn list_all(&self, path: &str, records: &str) -> Vec<Value> {
        let first = format!("{path}{}limit=200", if path.contains('?') { '&' } else { '?' });
        let (mut all, mut next) = (Vec::new(), first.clone());
        loop {
            let page = self.get(&next).await;
            assert_eq!(page.status, 200, "{}", page.body);
            all.extend(page.body[records].as_array().expect("records").iter().cloned());
            match page.body["pagination"]["nextCursor"].as_str() {
                Some(cursor) => next = format!("{first}&cursor={cursor}"),
                None => return all,
            }
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }

    /// Posts with an idempotency key.
    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[(IDEMPOTENCY_KEY, key)], Some(body)).await
    }

    /// Patches with an idempotency key.
    pub(crate) async fn patch_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[(IDEMPOTENCY_KEY, key)], Some(body)).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        if let Target::Server(_) = &self.target {
            return self.try_send(method, path, headers, body).await.expect("an answer");
        }
        let repeatable =
            method == Method::GET || path == TOKEN || headers.iter().any(|(name, _)| *name == IDEMPOTENCY_KEY);
        assert!(repeatable, "{method} {path} needs an idempotency key, because it may be sent again");
        let mut timer = PollTimer::new("an answer", DEADLINE);
        loop {
            timer.tick().await;
            let Ok(answer) = self.try_send(method.clone(), path, headers, body).await else { continue };
            if answer.status != 503 {
                return answer;
            }
            assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        }
    }

    /// Sends a request once, even if the server may be down.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.next_url()));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, headers, body })
    }
}
