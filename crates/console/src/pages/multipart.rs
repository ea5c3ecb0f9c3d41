//! Forms with a file (`multipart/form-data`), which are read part by part as they arrive.

use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::http::header;
use bytes::{Bytes, BytesMut};
use http_api::{
    request::{ApiRequest, ByteSource, StreamedBody},
    response::{Issue, Problem},
};

use crate::form_token::FormToken;

/// The maximum length of the head of a part, in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// The maximum length of a boundary (RFC 2046).
const MAX_BOUNDARY: usize = 70;

/// The head of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PartHead {
    /// The name of the field.
    pub(crate) name: String,
    /// The name of the file, if the field is one.
    pub(crate) file_name: Option<String>,
    /// The media type of the file, if the browser knows it.
    pub(crate) content_type: Option<String>,
}

/// A form with a file.
pub(crate) struct Multipart<P> {
    body: P,
    /// The bytes that were received and not passed on.
    buffer: BytesMut,
    /// The bytes before each part and behind the last one.
    delimiter: Vec<u8>,
    is_complete: bool,
}

impl Multipart<StreamedBody> {
    /// Begins to read a form of at most `max` bytes; `None` if the request has no such form.
    ///
    /// # Errors
    /// A 413 response if the request announces more, or a 415 response if it is compressed.
    pub(crate) fn open(request: &ApiRequest, max: u64) -> Result<Option<Self>, Problem> {
        let content_type = request.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let Some(boundary) = content_type.and_then(boundary) else { return Ok(None) };
        Ok(Some(Self::new(request.streamed_body(max)?, boundary)))
    }
}

impl<P: ByteSource> Multipart<P> {
    fn new(body: P, boundary: &str) -> Self {
        // The first delimiter stands at the beginning, without a line end before it.
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self { body, buffer: BytesMut::from(&b"\r\n"[..]), delimiter, is_complete: false }
    }

    /// Returns the head of the next part; `None` behind the last one. The part before must be read to its end.
    ///
    /// # Errors
    /// A 400 response if the form is malformed, and those of the body.
    pub(crate) async fn next_part(&mut self) -> Result<Option<PartHead>, Problem> {
        if self.is_complete {
            return Ok(None);
        }
        let start = self.delimiter.len();
        self.fill(start + 2).await?;
        if !self.buffer.starts_with(&self.delimiter) {
            return Err(malformed());
        }
        match &self.buffer[start..start + 2] {
            b"--" => {
                self.is_complete = true;
                return Ok(None);
            }
            // The line end is a part of the empty line behind a head without headers.
            b"\r\n" => drop(self.buffer.split_to(start)),
            _ => return Err(malformed()),
        }
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return part_head(&head).map(Some).ok_or_else(malformed);
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(malformed());
            }
            self.fill(self.buffer.len() + 1).await?;
        }
    }

    /// Returns the next bytes of the part; `None` at its end.
    ///
    /// # Errors
    /// A 400 response if the form ends before the part does, and those of the body.
    pub(crate) async fn next_bytes(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            if let Some(end) = find(&self.buffer, &self.delimiter) {
                return Ok((end > 0).then(|| self.buffer.split_to(end).freeze()));
            }
            // The end of what was received may be the beginning of a delimiter.
            let passed = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if passed > 0 {
                return Ok(Some(self.buffer.split_to(passed).freeze()));
            }
            self.fill(self.buffer.len() + 1).await?;
        }
    }

    /// Returns the part as a text of at most `max` bytes.
    ///
    /// # Errors
    /// A 400 response if it is longer, or no text.
    pub(crate) async fn text(&mut self, max: usize) -> Result<String, Problem> {
        let mut text = Vec::new();
        while let Some(bytes) = self.next_bytes().await? {
            text.extend_from_slice(&bytes);
            if text.len() > max {
                return Err(malformed());
            }
        }
        String::from_utf8(text).map_err(|_| malformed())
    }

    /// Receives the rest of the part, and drops it.
    ///
    /// # Errors
    /// As for the bytes of the part.
    pub(crate) async fn skip(&mut self) -> Result<(), Problem> {
        while self.next_bytes().await?.is_some() {}
        Ok(())
    }

    /// Receives until there are so many bytes.
    async fn fill(&mut self, length: usize) -> Result<(), Problem> {
        while self.buffer.len() < length {
            let piece = self.body.next().await?.ok_or_else(malformed)?;
            self.buffer.extend_from_slice(&piece);
        }
        Ok(())
    }
}

/// A part as a source of bytes, of which the first may have been received already.
pub(crate) struct Part<'m, P> {
    pub(crate) form: &'m mut Multipart<P>,
    pub(crate) first: Option<Bytes>,
}

#[async_trait]
impl<P: ByteSource> ByteSource for Part<'_, P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.form.next_bytes().await,
        }
    }
}

/// Checks that a page of this session has sent a form with this token.
///
/// # Errors
/// A 403 response.
pub(crate) fn check_token(request: &ApiRequest, token: &str) -> Result<(), Problem> {
    let session = &request.principal()?.user()?.caller.session;
    if FormToken::of(session).matches(token) { Ok(()) } else { Err(Problem::other_site()) }
}

/// Reads the texts of a form that was sent without the encoding for files.
///
/// # Errors
/// A 403 response if no page of this session has sent it, and those of the body.
pub(crate) async fn read_without_files(request: &ApiRequest, max: u64) -> Result<BTreeMap<String, String>, Problem> {
    let mut body = request.streamed_body(max)?;
    let mut text = Vec::new();
    while let Some(piece) = body.next().await? {
        text.extend_from_slice(&piece);
    }
    let texts: BTreeMap<String, String> = form_urlencoded::parse(&text).into_owned().collect();
    check_token(request, texts.get("formToken").map_or("", String::as_str))?;
    Ok(texts)
}

fn malformed() -> Problem {
    Problem::validation(vec![Issue::new([], "the form with the file is damaged: send it again")])
}

/// The boundary of a form with a file.
fn boundary(content_type: &str) -> Option<&str> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    });
    boundary.filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn part_head(head: &[u8]) -> Option<PartHead> {
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let name = parameter(&disposition, "name")?;
    Some(PartHead { name, file_name: parameter(&disposition, "filename"), content_type: header("content-type") })
}

/// The value of a parameter in quotes, in which browsers write a quote as `%22`.
fn parameter(disposition: &str, name: &str) -> Option<String> {
    let start = format!("; {name}=\"");
    let (_, rest) = disposition.split_once(&start)?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("%22", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that arrives in pieces of this size.
    struct Cut(Vec<u8>, usize);

    #[async_trait]
    impl ByteSource for Cut {
        async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
            let rest = self.0.split_off(self.1.min(self.0.len()));
            let piece = std::mem::replace(&mut self.0, rest);
            Ok((!piece.is_empty()).then(|| piece.into()))
        }
    }

    const FORM: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nrisk\r\n--b\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a %22b%22.csv\"\r\nContent-Type: text/csv\r\n\r\n\
        x\r\n-- b,\r\n\r\n-\r\n--b--\r\n";

    async fn read(form: &[u8], size: usize) -> Result<Vec<(String, Option<String>, Vec<u8>)>, Problem> {
        let mut form = Multipart::new(Cut(form.to_vec(), size), "b");
        let mut parts = Vec::new();
        while let Some(PartHead { name, file_name, .. }) = form.next_part().await? {
            let mut bytes = Vec::new();
            while let Some(piece) = form.next_bytes().await? {
                bytes.extend_from_slice(&piece);
            }
            parts.push((name, file_name, bytes));
        }
        Ok(parts)
    }

    #[tokio::test]
    async fn a_form_is_the_same_in_pieces_of_any_size() {
        for size in [1, 2, 3, 7, 1000] {
            let parts = read(FORM, size).await.unwrap();
            let expected = [
                ("kind".to_owned(), None, b"risk".to_vec()),
                ("file".to_owned(), Some("a \"b\".csv".to_owned()), b"x\r\n-- b,\r\n\r\n-".to_vec()),
            ];
            assert_eq!(parts, expected, "{size}");
        }
    }

    #[tokio::test]
    async fn a_form_that_ends_early_or_has_no_heads_is_refused() {
        for length in 0..FORM.len() - 2 {
            assert!(read(&FORM[..length], 5).await.is_err(), "{length}");
        }
        for form in ["", "--b", "--b\r\n\r\n\r\nx\r\n--b--", "--c\r\n", "--bx--"] {
            assert!(read(form.as_bytes(), 3).await.is_err(), "{form}");
        }
        let endless = format!("--b\r\n{}", "x".repeat(2 * MAX_HEAD));
        assert!(read(endless.as_bytes(), 1000).await.is_err());
    }

    #[test]
    fn the_boundary_is_that_of_a_form_with_a_file() {
        assert_eq!(boundary("multipart/form-data; boundary=--x1"), Some("--x1"));
        assert_eq!(boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a b\""), Some("a b"));
        for other in ["multipart/form-data", "text/plain; boundary=x", "multipart/form-data; boundary="] {
            assert_eq!(boundary(other), None, "{other}");
        }
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
    }
}
