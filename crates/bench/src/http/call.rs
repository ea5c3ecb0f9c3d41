//! One call at a time, for what is set up and looked at between measurements.

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

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Sends a request over a connection of its own.
pub(crate) fn call(host: SocketAddr, request: &Request) -> Outcome<Answer> {
    let doing = || format!("{} on {host}", request.path());
    let mut stream = TcpStream::connect(host).or_fail(doing)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.write_all(&request.bytes(host)).or_fail(doing)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(head) = Head::read(&bytes)?
            && bytes.len() >= head.length()
        {
            return Answer::of(&bytes, head);
        }
        match stream.read(&mut chunk).or_fail(doing)? {
            0 => return Err(Failure::new(format!("{}: the answer broke off", doing()))),
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

    /// The answer, if it is the one expected.
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(Failure::new(format!("answered with {} instead of {status}: {}", self.status, self.body)))
    }

    pub(crate) fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).or_fail(|| "the answer is no JSON".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_headers_and_its_body() {
        let bytes = b"HTTP/1.1 200 OK\r\netag: \"r1\"\r\ncontent-length: 2\r\n\r\n{}";
        let answer = Answer::of(bytes, Head::read(bytes).unwrap().unwrap()).unwrap();
        assert_eq!(answer.headers[0], ("etag".to_owned(), "\"r1\"".to_owned()));
        assert_eq!(answer.json().unwrap(), serde_json::json!({}));
        assert!(answer.expect(201).is_err());
    }
}
