//! One request and its answer, with what holds for every answer checked on the way.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_http::decompression::DecompressionLayer;

use super::{
    document,
    house::{ADDRESS, Client, address},
    webhooks::EVENTS,
};

#[derive(Clone)]
pub(crate) struct Call {
    router: Router,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    address: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(router: Router, method: &str, path: &str) -> Self {
        Self {
            router,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("user-agent".to_owned(), b"tests/1.0".to_vec())],
            body: Vec::new(),
            address: ADDRESS.to_owned(),
        }
    }

    pub(crate) fn by(self, client: &Client) -> Self {
        self.bearer(&client.token)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub(crate) fn bare_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends this in place of the body, at its own pace. What it is answered with is checked like any other answer.
    pub(crate) async fn send_stream(self, body: Body) -> Answer {
        let (mut parts, _) = self.request().unwrap().into_parts();
        parts.headers.remove("content-length");
        self.answer(Request::from_parts(parts, body)).await
    }

    pub(crate) fn sent_from(mut self, address: &str) -> Self {
        self.address = address.to_owned();
        self
    }

    /// `None` where it is no HTTP request at all, so that no server could have read it.
    fn request(&self) -> Option<Request<Body>> {
        let method = Method::from_bytes(self.method.as_bytes()).ok()?;
        let mut request = Request::builder().method(method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let mut request = request.body(Body::from(self.body.clone())).ok()?;
        request.extensions_mut().insert(address(&self.address));
        Some(request)
    }

    /// Sends it and reads the head of the answer only.
    pub(crate) async fn open(self, status: u16) -> Body {
        let response = self.router.clone().oneshot(self.request().unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        response.into_body()
    }

    pub(crate) async fn try_send(self) -> Option<Answer> {
        Some(self.answer(self.request()?).await)
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let body = if parts.headers.get("content-type").is_some_and(|kind| kind == EVENTS) {
            // It has no end.
            body.frame().await.map(|frame| frame.unwrap().into_data().unwrap()).unwrap_or_default()
        } else {
            body.collect().await.unwrap().to_bytes()
        };
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        self.check(&answer);
        answer
    }

    pub(crate) async fn send(self) -> Answer {
        self.try_send().await.expect("a test asks for something that is no HTTP request")
    }

    /// Sends it as a client does that unpacks what comes compressed.
    pub(crate) async fn send_and_unpack(self) -> Answer {
        let packed = self.clone().send().await;
        let unpacking = DecompressionLayer::new().layer(self.router.clone());
        let response = unpacking.oneshot(self.request().unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { body, ..packed }
    }

    /// What holds for every answer there is.
    fn check(&self, answer: &Answer) {
        let id = answer.header("x-request-id");
        let what = format!("{} {} gave {answer:?}", self.method, self.path);
        assert!(id.starts_with("req_") && id.len() == 30, "a bad request id: {what}");
        assert!(answer.headers.contains_key("cache-control"), "no Cache-Control: {what}");
        let vary = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(vary, ["Accept, Accept-Encoding, Authorization"], "{what}");
        if self.method == "HEAD" || answer.status == 304 {
            assert!(answer.body.is_empty(), "{what}");
        } else if answer.status == 204 {
            assert!(answer.body.is_empty() && !answer.headers.contains_key("content-type"), "{what}");
            document::check_status(&self.method, &self.path, answer.status);
        } else if answer.header("content-type") == EVENTS {
            assert!(answer.body.starts_with(b"retry: "), "{what}");
        } else if answer.headers.contains_key("content-encoding") {
        } else if answer.header("content-type") == "application/x-ndjson" {
            for line in answer.lines() {
                document::check_line(&self.method, &self.path, &line);
            }
        } else {
            assert_eq!(answer.header("content-type"), "application/json", "{what}");
            let body = answer.json();
            if answer.status >= 400 {
                let unknown = super::schema::faults_of_reference("Error", &body);
                assert!(unknown.is_empty(), "{unknown:?}: {what}");
                assert_eq!(body["requestId"].as_str().unwrap(), id, "{what}");
            }
            document::check(&self.method, &self.path, answer.status, &body);
        }
        assert!(!String::from_utf8_lossy(&answer.body).contains("SELECT"), "an inner text went out: {what}");
    }
}

impl Answer {
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The lines of a stream.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = str::from_utf8(&self.body).unwrap();
        assert!(text.ends_with('\n'), "the last line has no end");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The header, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The paths of the issues, joined with dots.
    pub(crate) fn paths(&self) -> Vec<String> {
        let issues = self.json()["issues"].as_array().cloned().unwrap_or_default();
        let path = |issue: &Value| {
            let segments = issue["path"].as_array().unwrap().iter().map(|segment| segment.as_str().unwrap());
            segments.collect::<Vec<_>>().join(".")
        };
        issues.iter().map(path).collect()
    }

    /// The message of the issue at this path.
    pub(crate) fn issue(&self, path: &str) -> String {
        let place = self.paths().iter().position(|there| there == path);
        let place = place.unwrap_or_else(|| panic!("no issue at {path}: {:?}", self.json()));
        self.json()["issues"][place]["message"].as_str().unwrap().to_owned()
    }

    /// The body but for the request's id.
    pub(crate) fn anonymous(&self) -> String {
        String::from_utf8_lossy(&self.body).replace(self.header("x-request-id"), "req_")
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == "true"
    }
}
