//! Requests, and responses that were read to their end.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header},
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// A request that can be sent several times.
#[derive(Clone)]
pub(crate) struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    peer: SocketAddr,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(router: Router, method: Method, path: &str) -> Self {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("novantra.test"))]);
        let peer = SocketAddr::from(([192, 0, 2, 7], 40000));
        Self { router, method, path: path.to_owned(), headers, body: Bytes::new(), peer }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Adds the cookie of a session.
    pub(crate) fn session(self, token: &str) -> Self {
        self.header("cookie", format!("__Host-novantra-session={token}"))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Has a page of this server send the request.
    pub(crate) fn same_origin(self) -> Self {
        self.header("sec-fetch-site", "same-origin")
    }

    /// Sets the body of a form that a page of this server sends.
    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.same_origin().header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sets the network address of the client.
    pub(crate) fn sent_by(self, address: [u8; 4]) -> Self {
        Self { peer: SocketAddr::from((address, 40000)), ..self }
    }

    /// Sends the request. Every response has an identifier, a caching rule, and one list of the headers it depends on.
    pub(crate) async fn send(self) -> Answer {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(self.peer);
        let response = self.router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        let context = format!("{} {}: {answer:?}", self.method, self.path);
        assert!(answer.header("x-request-id").starts_with("req_"), "{context}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{context}");
        assert!(answer.headers.contains_key(header::CACHE_CONTROL), "{context}");
        assert_eq!(answer.headers.get_all(header::VARY).iter().count(), 1, "{context}");
        assert!(self.method != Method::HEAD || answer.body.is_empty(), "{context}");
        answer
    }
}

impl Answer {
    /// Fails unless the response has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The value of the header; empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the response is a page.
    pub(crate) fn is_page(&self) -> bool {
        self.header("content-type").starts_with("text/html")
    }

    /// Whether the response sends the browser to the sign-in.
    pub(crate) fn leads_to_sign_in(&self) -> bool {
        self.status == 303 && self.header("location").starts_with("/app/sign-in?")
    }

    /// The value that the response sets the cookie of sessions to.
    pub(crate) fn new_session(&self) -> Option<String> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let value = cookies.filter_map(|cookie| cookie.strip_prefix("__Host-novantra-session=")).next()?;
        Some(value.split(';').next().unwrap_or_default().to_owned())
    }
}
