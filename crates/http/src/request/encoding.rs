//! The encoding of request bodies: UTF-8, with or without a byte order mark.

use axum::http::{HeaderMap, Method, header};

use super::{negotiation::is_media_type, printable};
use crate::response::Problem;

/// The media type of most bodies.
pub(crate) const JSON: &str = "application/json";
/// The media type of the changes to a record (RFC 7396).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

/// Returns the media types of a body in JSON, the default one first.
pub(crate) fn json_media_types(method: &Method) -> &'static [&'static str] {
    if *method == Method::PATCH { &[JSON, MERGE_PATCH] } else { &[JSON] }
}

/// Returns which of these media types the body has: the first, if the request does not say.
pub(super) fn media_type(headers: &HeaderMap, accepted: &[&'static str]) -> Result<&'static str, Problem> {
    let unsupported = || Problem::unsupported_media_type(&accepted.join(" or "));
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return accepted.first().copied().ok_or_else(unsupported);
    };
    let value = value.as_bytes();
    let media_type = accepted.iter().copied().find(|accepted| is_media_type(value, accepted.as_bytes()));
    let media_type = media_type.ok_or_else(unsupported)?;
    match charset(value) {
        Some(name)
            if ![b"utf-8".as_slice(), b"utf8", b"us-ascii"].iter().any(|utf8| name.eq_ignore_ascii_case(utf8)) =>
        {
            Err(Problem::unsupported_charset(&printable(name, 40)))
        }
        _ => Ok(media_type),
    }
}

/// Returns the parameter `charset` of a media type.
fn charset(media_type: &[u8]) -> Option<&[u8]> {
    media_type.split(|byte| *byte == b';').skip(1).find_map(|parameter| {
        let separator = parameter.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (parameter[..separator].trim_ascii(), parameter[separator + 1..].trim_ascii());
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        name.eq_ignore_ascii_case(b"charset").then_some(value)
    })
}

/// Returns the body as text, without a byte order mark.
///
/// # Errors
/// A message that names the encoding, if it is not UTF-8.
pub fn body_text(body: &[u8]) -> Result<&str, String> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] = body {
        return Err("the body is not UTF-8, but UTF-16 or UTF-32: send it in UTF-8".to_owned());
    }
    match str::from_utf8(body) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let at = error.valid_up_to();
            let byte = body.get(at).copied().unwrap_or_default();
            Err(format!(
                "the body is not UTF-8: byte {at} is 0x{byte:02x}, as in ISO-8859-1 or Windows-1252; send it in UTF-8"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_type_of(value: &'static str) -> Result<&'static str, u16> {
        let headers = [(header::CONTENT_TYPE, value.parse().unwrap())].into_iter().collect();
        media_type(&headers, &[JSON, MERGE_PATCH]).map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn a_charset_other_than_utf8_is_refused_however_it_is_written() {
        for good in [
            "application/json",
            "Application/JSON;charset=UTF-8",
            "application/json; charset=\"utf-8\"",
            "application/json; Charset = utf8",
            "application/json; charset=us-ascii",
            "application/json; profile=x",
        ] {
            assert_eq!(media_type_of(good), Ok(JSON), "{good}");
        }
        for bad in ["iso-8859-1", "\"ISO-8859-1\"", "utf-16", "windows-1252", "", "utf-8x"] {
            let value = format!("application/json; profile=x; charset={bad}");
            assert_eq!(media_type_of(value.leak()), Err(415), "{bad}");
        }
        assert_eq!(media_type_of("application/merge-patch+json;charset=utf-8"), Ok(MERGE_PATCH));
        assert_eq!(media_type_of("text/plain"), Err(415));
        assert_eq!(media_type(&HeaderMap::new(), &[JSON]).ok(), Some(JSON));
    }

    #[test]
    fn only_utf8_is_read_and_another_encoding_is_named() {
        assert_eq!(body_text("\u{feff}{}".as_bytes()), Ok("{}"));
        assert_eq!(body_text("é".as_bytes()), Ok("é"));
        assert_eq!(body_text(b""), Ok(""));
        assert_eq!(body_text(b"{"), Ok("{"));
        let latin1 = body_text(b"{\"title\":\"caf\xe9\"}").unwrap_err();
        assert!(latin1.contains("not UTF-8") && latin1.contains("byte 13 is 0xe9") && latin1.contains("ISO-8859-1"));
        for utf16 in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"{\0}\0", b"\0{\0}"] {
            assert!(body_text(utf16).unwrap_err().contains("UTF-16"), "{utf16:?}");
        }
    }
}
