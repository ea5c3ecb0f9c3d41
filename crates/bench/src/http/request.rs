//! Requests, serialized once and sent many times.

use std::net::SocketAddr;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn post(path: impl Into<String>, json: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { method: "POST", path: path.into(), headers, body: json.into() }
    }

    /// Returns the request that sends a form.
    pub(crate) fn form(path: impl Into<String>, fields: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        Self { method: "POST", path: path.into(), headers, body: fields.into() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Returns the path and query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the header fields besides those that every request has.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }

    pub(crate) fn to_bytes(&self, host: SocketAddr) -> Vec<u8> {
        let Self { method, path, headers, body } = self;
        let mut text =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\nuser-agent: novantra-bench\r\n");
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if *method != "GET" {
            text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        text.extend(["\r\n", body]);
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_has_a_content_length_and_a_get_has_none() {
        let host = SocketAddr::from(([127, 0, 0, 1], 80));
        let get = String::from_utf8(Request::get("/livez").bearer("t").to_bytes(host)).unwrap();
        assert!(get.starts_with("GET /livez HTTP/1.1\r\nhost: 127.0.0.1:80\r\n"));
        assert!(get.ends_with("authorization: Bearer t\r\n\r\n") && !get.contains("content-length"));
        let post = String::from_utf8(Request::post("/x", "{\"ä\":1}").to_bytes(host)).unwrap();
        assert!(post.ends_with("content-length: 8\r\n\r\n{\"ä\":1}"));
    }
}
