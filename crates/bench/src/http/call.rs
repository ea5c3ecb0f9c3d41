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

const PATIENCE: Duration = Duration::from_secs(30);

/// A complete response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Sends a request over a connection of its own.
pub(crate) fn call(host: SocketAddr, request: &Request) -> Outcome<Answer> {
    let action = || format!("{} on {host}", request.path());
    let mut stream = TcpStream::connect(host).or_fail(action)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.write_all(&request.bytes(host)).or_fail(action)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(head) = Head::read(&bytes)?
            && bytes.len() >= head.length()
        {
            return Answer::of(&bytes, head);
        }
        match stream.read(&mut chunk).or_fail(action)? {
            0 => return Err(Failure::new(format!("{}: connection closed before the end of the response", action()))),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

impl Answer {
    pub(super) fn of(bytes: &[u8], head: Head) -> Outcome<Self> {
        let lines = std::str::from_utf8(&bytes[..head.head])?.lines().skip(1);
        let headers = lines.filter_map(|line| line.split_once(':'));
        Ok(Self {
            status: head.status,
            headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
            body: std::str::from_utf8(&bytes[head.head..head.length()])?.to_owned(),
        })
    }

    /// Returns the response if it has this status.
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(Failure::new(format!("expected status {status}, got {}: {}", self.status, self.body)))
    }

    pub(crate) fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).or_fail(|| "the response is not JSON".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_headers_and_its_body() {
        let bytes = b"HTTP/1.1 200 OK\r\netag: \"r1\"\r\ncontent-length: 2\r\n\r\n{}";
        let response = Answer::of(bytes, Head::read(bytes).unwrap().unwrap()).unwrap();
        assert_eq!(response.headers[0], ("etag".to_owned(), "\"r1\"".to_owned()));
        assert_eq!(response.json().unwrap(), serde_json::json!({}));
        assert!(response.expect(201).is_err());
    }
}
