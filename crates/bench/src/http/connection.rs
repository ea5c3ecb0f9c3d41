//! A persistent connection, for consecutive calls and for responses too large to buffer.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    failure::{Context, Failure, Outcome},
    http::{HttpResponse, head::Head, request::Request},
};

const TIMEOUT: Duration = Duration::from_secs(30);
/// The size of the read buffer, in bytes.
const BUFFER_SIZE: usize = 256 * 1024;

pub(crate) struct Connection {
    host: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// A summary of the lines of a response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) count: usize,
    /// The size of all lines, in bytes.
    pub(crate) bytes: usize,
    /// The last line.
    pub(crate) last: String,
}

impl Connection {
    pub(crate) fn open(host: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(host).context(|| format!("can't connect to {host}"))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { host, stream: BufReader::with_capacity(BUFFER_SIZE, stream) })
    }

    /// Sends a request and reads the complete response.
    pub(crate) fn call(&mut self, request: &Request) -> Outcome<HttpResponse> {
        self.send(request)?;
        let mut bytes = Vec::new();
        loop {
            if let Some(head) = Head::parse(&bytes)?
                && bytes.len() >= head.length()
            {
                return HttpResponse::from_bytes(&bytes, head);
            }
            let chunk = self.stream.fill_buf()?;
            if chunk.is_empty() {
                return Err(unexpected_end(request));
            }
            bytes.extend_from_slice(chunk);
            let length = chunk.len();
            self.stream.consume(length);
        }
    }

    /// Sends a request and counts the lines of the response without buffering them.
    pub(crate) fn count_lines(&mut self, request: &Request) -> Outcome<Lines> {
        self.send(request)?;
        let head = read_head(&mut self.stream)?;
        if !head.starts_with("HTTP/1.1 200 ") || !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            return Err(Failure::new(format!("unexpected response to {}: {head}", request.path())));
        }
        count_lines(&mut self.stream).context(|| request.path().to_owned())
    }

    fn send(&mut self, request: &Request) -> Outcome<()> {
        Ok(self.stream.get_mut().write_all(&request.to_bytes(self.host))?)
    }
}

fn unexpected_end(request: &Request) -> Failure {
    Failure::new(format!("{}: the connection closed before the end of the response", request.path()))
}

fn read_head(stream: &mut impl BufRead) -> Outcome<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(Failure::new("the connection closed before the end of the head"));
        }
    }
    Ok(head)
}

/// Reads a chunked body (RFC 9112 § 7.1) to its end.
fn count_lines(stream: &mut impl BufRead) -> Outcome<Lines> {
    let mut lines = Lines::default();
    let mut last = Vec::new();
    loop {
        let mut size = String::new();
        stream.read_line(&mut size)?;
        let mut remaining =
            usize::from_str_radix(size.trim_end(), 16).context(|| format!("{size:?} is not the size of a chunk"))?;
        let is_end = remaining == 0;
        while remaining > 0 {
            let chunk = stream.fill_buf()?;
            let chunk = &chunk[..chunk.len().min(remaining)];
            if chunk.is_empty() {
                return Err(Failure::new("the connection closed before the end of the response"));
            }
            lines.count += chunk.iter().filter(|byte| **byte == b'\n').count();
            keep_last(&mut last, chunk);
            let length = chunk.len();
            lines.bytes += length;
            remaining -= length;
            stream.consume(length);
        }
        let mut end = [0; 2];
        stream.read_exact(&mut end)?;
        if is_end {
            lines.last = String::from_utf8_lossy(&last).trim_end().to_owned();
            return Ok(lines);
        }
    }
}

/// Keeps the bytes that may belong to the last line.
fn keep_last(last: &mut Vec<u8>, chunk: &[u8]) {
    let before_end = chunk.len().saturating_sub(1);
    match chunk[..before_end].iter().rposition(|byte| *byte == b'\n') {
        Some(end) => {
            last.clear();
            last.extend_from_slice(&chunk[end + 1..]);
        }
        None => {
            if last.ends_with(b"\n") {
                last.clear();
            }
            last.extend_from_slice(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_across_chunk_boundaries() {
        let body = b"4\r\na\nbb\r\n3\r\nb\nc\r\n5\r\ncc\nd\n\r\n0\r\n\r\n";
        let lines = count_lines(&mut body.as_slice()).unwrap();
        assert_eq!(lines, Lines { count: 4, bytes: 12, last: "d".to_owned() });
        let body = b"2\r\na\n\r\n1\r\nb\r\n2\r\nb\n\r\n0\r\n\r\n";
        assert_eq!(count_lines(&mut body.as_slice()).unwrap().last, "bb");
    }

    #[test]
    fn a_body_without_its_last_chunk_is_an_error() {
        assert!(count_lines(&mut b"2\r\na\n\r\n".as_slice()).is_err());
        assert!(count_lines(&mut b"9\r\na\n".as_slice()).is_err());
    }
}
