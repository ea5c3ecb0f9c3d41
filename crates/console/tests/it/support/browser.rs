//! A browser: it sends the cookie of a session, and the token of the form that it saw last.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, header},
};
use http_body_util::BodyExt as _;
use std::net::SocketAddr;
use tower::ServiceExt as _;

/// The body of a form with these fields, and these files: the field, the name and the bytes of each. The boundary is `x-1`.
pub(crate) fn multipart(fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--x-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for (name, file_name, bytes) in files {
        let head = format!(
            "--x-1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: text/csv\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x-1--\r\n");
    body
}

/// A browser of a person who has signed in.
pub(crate) struct Browser {
    pub(crate) router: Router,
    /// The value of the cookie header.
    pub(crate) cookie: String,
    /// The token of the forms.
    pub(crate) form_token: String,
    /// The host that requests are sent to.
    pub(crate) host: &'static str,
}

/// A response that was read to its end.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Browser {
    /// Opens an address.
    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form with its token.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = [("formToken", self.form_token.as_str())];
        self.post_without_token(path, &token.into_iter().chain(fields.iter().copied()).collect::<Vec<_>>()).await
    }

    /// Sends a form as it is.
    pub(crate) async fn post_without_token(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    /// Sends a form with a file, whose boundary is `x-1`.
    pub(crate) async fn post_file(&self, path: &str, body: Vec<u8>) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x-1")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    async fn send(&self, mut request: Request<Body>) -> Page {
        let address: SocketAddr = "192.0.2.7:40000".parse().unwrap();
        request.extensions_mut().insert(address);
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.parse().unwrap());
        headers.insert(header::COOKIE, self.cookie.parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Page { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

impl Page {
    /// The page, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.html());
        self
    }

    /// The HTML.
    pub(crate) fn html(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The address that the response sends the browser to.
    pub(crate) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The hidden fields of the page, without the token.
    pub(crate) fn hidden_fields(&self) -> Vec<(String, String)> {
        let html = self.html();
        let inputs = html.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name.to_owned(), rest.split('"').next()?.to_owned()))
        });
        inputs.filter(|(name, _)| name != "formToken").collect()
    }

    /// Whether the page has the text.
    #[track_caller]
    pub(crate) fn expect_text(self, text: &str) -> Self {
        assert!(self.html().contains(text), "{text:?} is missing in {}", self.html());
        self
    }

    /// Whether the page lacks the text.
    #[track_caller]
    pub(crate) fn expect_no_text(self, text: &str) -> Self {
        assert!(!self.html().contains(text), "{text:?} is in {}", self.html());
        self
    }
}

/// The cookie that a response sets, as the browser sends it; empty if it ends the cookie.
pub(crate) fn cookie(page: &Page, name: &str) -> String {
    let cookies = page.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let set = cookies.rev().find(|cookie| cookie.starts_with(name)).unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// The browser with one more cookie.
pub(crate) fn with_cookie(browser: &Browser, cookie: &str) -> Browser {
    Browser {
        router: browser.router.clone(),
        cookie: format!("{}; {cookie}", browser.cookie),
        form_token: browser.form_token.clone(),
        host: browser.host,
    }
}
