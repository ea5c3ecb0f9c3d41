//! Requests for a part of some bytes: `Range` and `If-Range` (RFC 9110 §§ 13 and 14).

use std::ops::Range;

use axum::http::{HeaderMap, Method, header};

use super::ApiRequest;

/// The bytes that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// All bytes.
    Whole,
    /// These bytes, of which there is at least one.
    Part(Range<u64>),
    /// Only bytes beyond the end.
    Unsatisfiable,
}

impl ApiRequest {
    /// Returns which of `length` bytes with this strong entity tag the request asks for: all of them, unless it is a GET
    /// request for one range of the bytes that have the tag in `If-Range`. Several ranges are answered with all bytes, as
    /// RFC 9110 allows.
    #[must_use]
    pub fn byte_range(&self, length: u64, tag: &str) -> ByteRange {
        if self.parts.method == Method::GET { byte_range(&self.parts.headers, length, tag) } else { ByteRange::Whole }
    }
}

fn byte_range(headers: &HeaderMap, length: u64, tag: &str) -> ByteRange {
    if headers.get(header::IF_RANGE).is_some_and(|expected| expected.as_bytes() != tag.as_bytes()) {
        return ByteRange::Whole;
    }
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return ByteRange::Whole };
    // A malformed range is ignored.
    range.to_str().ok().and_then(|range| parse(range, length)).unwrap_or(ByteRange::Whole)
}

/// Returns the single range of bytes; `None` if it is malformed, or if there are several.
fn parse(range: &str, length: u64) -> Option<ByteRange> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let requested = match (position(first.trim())?, position(last.trim())?) {
        (Some(first), Some(last)) if first > last => return None,
        (Some(first), last) => first..last.map_or(length, |last| last.saturating_add(1).min(length)),
        (None, Some(suffix)) => length.saturating_sub(suffix)..length,
        (None, None) => return None,
    };
    Some(if requested.is_empty() { ByteRange::Unsatisfiable } else { ByteRange::Part(requested) })
}

/// Returns a position, or `None` within for an empty text. A number that is larger than any length counts as the largest.
fn position(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a\"";

    fn range_of(fields: &[(header::HeaderName, &str)], length: u64) -> ByteRange {
        let headers = fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        byte_range(&headers, length, TAG)
    }

    #[test]
    fn one_range_is_a_part_and_everything_else_is_the_whole() {
        use ByteRange::{Part, Unsatisfiable, Whole};
        for (range, wanted) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=2-5", Part(2..6)),
            ("Bytes = 2 - 5 ", Part(2..6)),
            ("bytes=2-", Part(2..10)),
            ("bytes=9-99999999999999999999999", Part(9..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-100", Part(0..10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes 0-1", Whole),
            ("lines=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(range_of(&[(header::RANGE, range)], 10), wanted, "{range}");
        }
        assert_eq!(range_of(&[(header::RANGE, "bytes=0-")], 0), Unsatisfiable);
        assert_eq!(range_of(&[(header::RANGE, "bytes=0-0"), (header::RANGE, "bytes=1-1")], 10), Whole);
        assert_eq!(range_of(&[], 10), Whole);
    }

    #[test]
    fn a_range_applies_only_to_the_bytes_that_if_range_names() {
        let range = (header::RANGE, "bytes=1-2");
        assert_eq!(range_of(&[range.clone(), (header::IF_RANGE, TAG)], 10), ByteRange::Part(1..3));
        for other in ["\"b\"", "W/\"a\"", "Mon, 25 May 2026 14:08:33 GMT"] {
            assert_eq!(range_of(&[range.clone(), (header::IF_RANGE, other)], 10), ByteRange::Whole, "{other}");
        }
    }
}
