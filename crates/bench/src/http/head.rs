//! Parses as much of a response as is needed to find its end.

use crate::failure::{Failure, Outcome};

/// The status of a response and the lengths of its head and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes before the body.
    pub(crate) head: usize,
    /// Bytes of the body.
    pub(crate) body: usize,
}

impl Head {
    /// Returns the length of the complete response, in bytes.
    pub(crate) fn length(self) -> usize {
        self.head + self.body
    }

    /// Parses the head at the start of `bytes`; returns `None` if it is incomplete.
    pub(crate) fn parse(bytes: &[u8]) -> Outcome<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let malformed = || Failure::new(format!("no HTTP/1.1 response: {}", String::from_utf8_lossy(&bytes[..end])));
        let mut lines = bytes[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let status = lines.next().and_then(|line| line.strip_prefix(b"HTTP/1.1 ")).and_then(|rest| rest.get(..3));
        let status: u16 = status.and_then(number).ok_or_else(malformed)?;
        let mut body = None;
        for line in lines {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Err(malformed()) };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                body = Some(number(value).ok_or_else(malformed)?);
            }
        }
        // These have no body, whatever the header says (RFC 9112 § 6.3).
        let body = if matches!(status, 204 | 304) { 0 } else { body.ok_or_else(malformed)? };
        Ok(Some(Self { status, head: end + 4, body }))
    }
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_according_to_its_content_length() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 404";
        let head = Head::parse(bytes).unwrap().unwrap();
        assert_eq!((head.status, head.body), (200, 5));
        assert_eq!(&bytes[head.head..head.length()], b"hello");
    }

    #[test]
    fn an_incomplete_head_is_not_parsed_yet() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for end in 0..bytes.len() {
            assert_eq!(Head::parse(&bytes[..end]).unwrap(), None);
        }
        assert!(Head::parse(bytes).unwrap().is_some());
    }

    #[test]
    fn a_not_modified_response_has_no_body_even_with_a_content_length() {
        for bytes in
            [b"HTTP/1.1 304 Not Modified\r\n\r\n".as_slice(), b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"]
        {
            assert_eq!(Head::parse(bytes).unwrap().unwrap().body, 0);
        }
    }

    #[test]
    fn a_response_without_length_or_of_another_protocol_is_rejected() {
        for bytes in [
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            b"HTTP/1.1 2\r\n\r\n",
            b"SSH-2.0\r\n\r\n",
        ] {
            assert!(Head::parse(bytes).is_err());
        }
    }
}
