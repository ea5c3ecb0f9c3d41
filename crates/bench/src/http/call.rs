//! Single calls for setup and checks between measurements.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::{Context, Failure, Outcome},
    http::{head::Head, request::Request},
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A complete response.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body as text; that of a compressed response can't be read.
    pub(crate) body: String,
    /// The length of the body in bytes, as it was sent.
    pub(crate) length: usize,
}

/// Sends a request over a connection of its own.
pub(crate) fn call(host: SocketAddr, request: &Request) -> Outcome<HttpResponse> {
    let action = || format!("{} on {host}", request.path());
    let mut stream = TcpStream::connect(host).context(action)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    stream.write_all(&request.to_bytes(host)).context(action)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(head) = Head::parse(&bytes)?
            && bytes.len() >= head.length()
        {
            return HttpResponse::from_bytes(&bytes, head);
        }
        match stream.read(&mut chunk).context(action)? {
            0 => return Err(Failure::new(format!("{}: connection closed before the end of the response", action()))),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

impl HttpResponse {
    pub(super) fn from_bytes(bytes: &[u8], head: Head) -> Outcome<Self> {
        let lines = std::str::from_utf8(&bytes[..head.head])?.lines().skip(1);
        let headers = lines.filter_map(|line| line.split_once(':'));
        Ok(Self {
            status: head.status,
            headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
            body: String::from_utf8_lossy(&bytes[head.head..head.length()]).into_owned(),
            length: head.body,
        })
    }

    /// Returns the response if it has this status.
    pub(crate) fn expect_status(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(Failure::new(format!("expected status {status}, got {}: {}", self.status, self.body)))
    }

    pub(crate) fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).context(|| "the response is not JSON".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_parsed_into_headers_and_body() {
        let bytes = b"HTTP/1.1 200 OK\r\netag: \"r1\"\r\ncontent-length: 2\r\n\r\n{}";
        let response = HttpResponse::from_bytes(bytes, Head::parse(bytes).unwrap().unwrap()).unwrap();
        assert_eq!(response.headers[0], ("etag".to_owned(), "\"r1\"".to_owned()));
        assert_eq!(response.json().unwrap(), serde_json::json!({}));
        assert!(response.expect_status(201).is_err());
    }
}
