//! A request builder. Every response is checked against the rules of all responses and the OpenAPI document.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, Response},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_http::decompression::DecompressionLayer;

use super::{
    document,
    test_api::{CLIENT_ADDRESS, Client, parse_address},
    webhooks::EVENT_STREAM,
};

/// A request to the API under test, which can be sent several times.
#[derive(Clone)]
pub(crate) struct TestRequest {
    router: Router,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    address: String,
}

/// A response that was read to its end; of an event stream, only its first piece.
#[derive(Clone, Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl TestRequest {
    pub(crate) fn new(router: Router, method: &str, path: &str) -> Self {
        Self {
            router,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![
                ("host".to_owned(), b"novantra.test".to_vec()),
                ("user-agent".to_owned(), b"tests/1.0".to_vec()),
            ],
            body: Vec::new(),
            address: CLIENT_ADDRESS.to_owned(),
        }
    }

    /// Adds the token of the client.
    pub(crate) fn auth(self, client: &Client) -> Self {
        self.bearer_auth(&client.token)
    }

    pub(crate) fn bearer_auth(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds an idempotency key.
    pub(crate) fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a body of bytes with this file name.
    pub(crate) fn file(self, name: &str, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.header("content-disposition", format!("attachment; filename=\"{name}\"")).body(content_type, bytes)
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Sets a body without a content type.
    pub(crate) fn body_without_content_type(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request with this body stream instead of its own body. The response is checked like any other.
    pub(crate) async fn send_body_stream(self, body: Body) -> TestResponse {
        let (mut parts, _) = self.build().unwrap().into_parts();
        parts.headers.remove("content-length");
        self.execute(Request::from_parts(parts, body)).await
    }

    /// Removes a header.
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    /// Sets the peer address.
    pub(crate) fn source_address(mut self, address: &str) -> Self {
        self.address = address.to_owned();
        self
    }

    /// Returns `None` if this is not a valid HTTP request, so that no server could have read it.
    fn build(&self) -> Option<Request<Body>> {
        let method = Method::from_bytes(self.method.as_bytes()).ok()?;
        let mut request = Request::builder().method(method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let mut request = request.body(Body::from(self.body.clone())).ok()?;
        request.extensions_mut().insert(parse_address(&self.address));
        Some(request)
    }

    /// Sends the request and returns its response with an unread body.
    pub(crate) async fn send_unread(self) -> Response<Body> {
        self.router.clone().oneshot(self.build().unwrap()).await.unwrap()
    }

    /// Sends the request, expects this status, and returns the body of the response unread.
    pub(crate) async fn send_for_body(self, status: u16) -> Body {
        let response = self.send_unread().await;
        assert_eq!(response.status().as_u16(), status);
        response.into_body()
    }

    /// Sends the request. Returns `None` if it is not a valid HTTP request.
    pub(crate) async fn try_send(self) -> Option<TestResponse> {
        Some(self.execute(self.build()?).await)
    }

    async fn execute(&self, request: Request<Body>) -> TestResponse {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let body = if parts.headers.get("content-type").is_some_and(|kind| kind == EVENT_STREAM) {
            // An event stream has no end, so only its first piece is read.
            body.frame().await.map(|frame| frame.unwrap().into_data().unwrap()).unwrap_or_default()
        } else {
            body.collect().await.unwrap().to_bytes()
        };
        let response = TestResponse { status: parts.status.as_u16(), headers: parts.headers, body };
        self.check_response(&response);
        response
    }

    pub(crate) async fn send(self) -> TestResponse {
        self.try_send().await.expect("the test built a request that is not valid HTTP")
    }

    /// Sends the request twice: the status and headers are those of the compressed response, the body is decompressed.
    pub(crate) async fn send_and_decompress(self) -> TestResponse {
        let compressed = self.clone().send().await;
        let decompressing = DecompressionLayer::new().layer(self.router.clone());
        let response = decompressing.oneshot(self.build().unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        TestResponse { body, ..compressed }
    }

    /// Checks the rules that hold for every response.
    fn check_response(&self, response: &TestResponse) {
        let id = response.header("x-request-id");
        let context = format!("{} {} returned {response:?}", self.method, self.path);
        assert!(id.starts_with("req_") && id.len() == 30, "the request id is malformed: {context}");
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{context}");
        assert!(response.headers.contains_key("cache-control"), "the response has no Cache-Control header: {context}");
        let vary = response.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(vary, ["Accept, Accept-Encoding, Authorization"], "{context}");
        if self.method == "HEAD" || response.status == 304 {
            assert!(response.body.is_empty(), "{context}");
        } else if response.status == 204 {
            assert!(response.body.is_empty() && !response.headers.contains_key("content-type"), "{context}");
            document::check_status(&self.method, &self.path, response.status);
        } else if response.header("content-type") == EVENT_STREAM {
            assert!(response.body.starts_with(b"retry: "), "{context}");
        } else if document::has_bytes(&self.method, &self.path, response.status) {
            document::check_status(&self.method, &self.path, response.status);
            assert!(!response.headers.contains_key("content-encoding"), "{context}");
        } else if document::has_text(&self.method, &self.path, response.status) {
            document::check_status(&self.method, &self.path, response.status);
        } else if response.headers.contains_key("content-encoding") {
        } else if response.header("content-type") == "application/x-ndjson" {
            for line in response.lines() {
                document::check_line(&self.method, &self.path, &line);
            }
        } else {
            assert_eq!(response.header("content-type"), "application/json", "{context}");
            let body = response.json();
            if response.status >= 400 {
                let violations = super::schema::component_violations("Error", &body);
                assert!(violations.is_empty(), "{violations:?}: {context}");
                assert_eq!(body["requestId"].as_str().unwrap(), id, "{context}");
            }
            document::check_response(&self.method, &self.path, response.status, &body);
        }
        assert!(
            !String::from_utf8_lossy(&response.body).contains("SELECT"),
            "the response reveals internal text: {context}"
        );
    }
}

impl TestResponse {
    /// Fails unless the response has this status.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The lines of an NDJSON stream.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = str::from_utf8(&self.body).unwrap();
        assert!(text.ends_with('\n'), "the last line is not terminated");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The value of the header; empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The error code of the envelope.
    pub(crate) fn error_code(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The paths of the issues, joined with dots.
    pub(crate) fn issue_paths(&self) -> Vec<String> {
        let issues = self.json()["issues"].as_array().cloned().unwrap_or_default();
        let path = |issue: &Value| {
            let segments = issue["path"].as_array().unwrap().iter().map(|segment| segment.as_str().unwrap());
            segments.collect::<Vec<_>>().join(".")
        };
        issues.iter().map(path).collect()
    }

    /// The message of the issue at this path.
    pub(crate) fn issue_message(&self, path: &str) -> String {
        let index = self.issue_paths().iter().position(|candidate| candidate == path);
        let index = index.unwrap_or_else(|| panic!("the response has no issue at {path}: {:?}", self.json()));
        self.json()["issues"][index]["message"].as_str().unwrap().to_owned()
    }

    /// The body with the request id masked.
    pub(crate) fn body_without_request_id(&self) -> String {
        String::from_utf8_lossy(&self.body).replace(self.header("x-request-id"), "req_")
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == "true"
    }
}
