//! Content negotiation: the media type of a response (RFC 9110 § 12.5.1) and its coding (§ 12.5.3).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::response::Problem;

/// A media type that a response can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// One JSON document.
    Json,
    /// A whole collection with one line of JSON for each record.
    NdJson,
    /// A page for people.
    Html,
    /// Server-sent events.
    EventStream,
    /// Plain text.
    Text,
    /// Bytes of a format that has no media type of its own.
    Bytes,
    /// Bytes in a media type of their own, whatever the client accepts.
    Any,
}

impl MediaType {
    /// The name, such as `application/json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Html => "text/html",
            Self::EventStream => "text/event-stream",
            Self::Text => "text/plain",
            Self::Bytes => "application/octet-stream",
            Self::Any => "*/*",
        }
    }

    const fn wildcard(self) -> &'static str {
        match self {
            Self::Json | Self::NdJson | Self::Bytes => "application/*",
            Self::Html | Self::EventStream | Self::Text => "text/*",
            Self::Any => "*/*",
        }
    }
}

/// The weight of a media range without a `q` parameter, in thousandths.
const DEFAULT_WEIGHT: u16 = 1000;

/// Returns the offered media type that the client prefers.
///
/// # Errors
/// A 406 response if the client accepts none of them.
pub(crate) fn negotiate(headers: &HeaderMap, offered: &[MediaType]) -> Result<MediaType, Problem> {
    preferred(headers, offered).ok_or_else(|| {
        let offered: Vec<&str> = offered.iter().map(|media_type| media_type.as_str()).collect();
        Problem::not_acceptable(&offered)
    })
}

/// Returns the offered media type with the highest `q`. Ties go to the more specific range, then to the order of
/// `offered`. Returns `None` if the client accepts none of them.
fn preferred(headers: &HeaderMap, offered: &[MediaType]) -> Option<MediaType> {
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let ranges: Vec<&[u8]> = ranges.filter(|range| !range.is_empty()).collect();
    if ranges.is_empty() || offered == [MediaType::Any] {
        return offered.first().copied();
    }
    let candidates = offered.iter().rev().filter_map(|format| {
        let patterns = [b"*/*".as_slice(), format.wildcard().as_bytes(), format.as_str().as_bytes()];
        let matching = ranges.iter().filter_map(|range| {
            let specificity = patterns.iter().position(|pattern| is_media_type(range, pattern))?;
            Some((specificity, weight(range)))
        });
        // The most specific matching range decides.
        let (specificity, weight) = matching.max()?;
        (weight > 0).then_some((weight, specificity, *format))
    });
    // `max_by_key` returns the last of several equal candidates, which was offered first because of `rev`.
    candidates.max_by_key(|(weight, specificity, _)| (*weight, *specificity)).map(|(_, _, format)| format)
}

/// Whether `value`, without its parameters, is the media type `wanted`.
pub(super) fn is_media_type(value: &[u8], wanted: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(wanted)
}

/// Returns a range's weight in thousandths. A `q` that is not a number is ignored.
fn weight(range: &[u8]) -> u16 {
    let q = range.split(|byte| *byte == b';').skip(1).find_map(|parameter| {
        let parameter = str::from_utf8(parameter).ok()?.trim();
        parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?.parse::<f32>().ok()
    });
    q.filter(|weight| weight.is_finite())
        .map_or(DEFAULT_WEIGHT, |weight| (weight.clamp(0.0, 1.0) * f32::from(DEFAULT_WEIGHT)) as u16)
}

/// Makes the identity coding acceptable to a request that excludes it. The coding is chosen when the request has had
/// its effect, which must not be answered with 406 then. RFC 9110 lets a server disregard `Accept-Encoding`.
pub(crate) fn accept_identity(headers: &mut HeaderMap) {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let ranges = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let (mut is_excluded, mut weight_of_identity) = (false, 0);
    for range in ranges {
        let is_identity = is_media_type(range, b"identity");
        if is_identity || is_media_type(range, b"*") {
            let weight = weight(range);
            is_excluded |= weight == 0;
            if is_identity {
                weight_of_identity = weight_of_identity.max(weight);
            }
        }
    }
    if !is_excluded {
        return;
    }
    // Of several ranges of one coding, the first decides.
    let identity = format!("identity;q={:.3}", f32::from(weight_of_identity.max(1)) / f32::from(DEFAULT_WEIGHT));
    let others: Vec<HeaderValue> = headers.get_all(header::ACCEPT_ENCODING).iter().cloned().collect();
    if let Ok(identity) = HeaderValue::try_from(identity) {
        headers.insert(header::ACCEPT_ENCODING, identity);
        for other in others {
            headers.append(header::ACCEPT_ENCODING, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_becomes_acceptable_where_it_is_excluded_and_keeps_a_weight_that_it_has() {
        for (accepted, wanted) in [
            ("gzip", "gzip"),
            ("*", "*"),
            ("", ""),
            ("*;q=0", "identity;q=0.001, *;q=0"),
            ("gzip, *; q=0.000", "identity;q=0.001, gzip, *; q=0.000"),
            ("IDENTITY;Q=0", "identity;q=0.001, IDENTITY;Q=0"),
            ("identity;q=0.5, *;q=0", "identity;q=0.500, identity;q=0.5, *;q=0"),
        ] {
            let mut headers: HeaderMap = [(header::ACCEPT_ENCODING, accepted.parse().unwrap())].into_iter().collect();
            accept_identity(&mut headers);
            let values: Vec<_> = headers.get_all(header::ACCEPT_ENCODING).iter().map(|v| v.to_str().unwrap()).collect();
            assert_eq!(values.join(", "), wanted, "{accepted}");
        }
    }

    fn preferred_of(accept: &str, offered: &[MediaType]) -> Option<MediaType> {
        let headers = [(header::ACCEPT, accept.parse().unwrap())].into_iter().collect();
        preferred(&headers, offered)
    }

    #[test]
    fn the_media_type_with_the_highest_weight_wins_and_json_breaks_ties() {
        use MediaType::{EventStream, Json, NdJson};
        for (accept, wanted) in [
            ("application/json", Some(Json)),
            ("application/x-ndjson", Some(NdJson)),
            ("APPLICATION/X-NDJSON; charset=utf-8", Some(NdJson)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("", Some(Json)),
            ("application/x-ndjson, application/json", Some(Json)),
            ("application/x-ndjson, */*", Some(NdJson)),
            ("application/x-ndjson, */*;q=0.1", Some(NdJson)),
            ("application/x-ndjson;q=0.5, application/json;q=0.4", Some(NdJson)),
            ("application/x-ndjson;q=0.4, application/json;q=0.5", Some(Json)),
            ("application/x-ndjson;q=0.001, text/html", Some(NdJson)),
            ("*/*, application/json;q=0", Some(NdJson)),
            ("*/*;q=0, application/x-ndjson", Some(NdJson)),
            ("application/x-ndjson;q=0", None),
            ("application/x-ndjson;q=0.000, application/json;q=0", None),
            ("text/html, image/*", None),
            ("application/jsonl", None),
        ] {
            assert_eq!(preferred_of(accept, &[Json, NdJson]), wanted, "{accept}");
        }
        for accept in ["application/x-ndjson", "*/*, application/json;q=0"] {
            assert_eq!(preferred_of(accept, &[Json]), None, "{accept}");
        }
        assert_eq!(preferred_of("application/x-ndjson, */*;q=0.1", &[Json]), Some(Json));
        assert_eq!(preferred_of("application/pdf, */*;q=0", &[MediaType::Any]), Some(MediaType::Any));
        for accept in ["text/event-stream", "text/*", "*/*", ""] {
            assert_eq!(preferred_of(accept, &[EventStream]), Some(EventStream), "{accept}");
        }
        for accept in ["application/json", "application/*"] {
            assert_eq!(preferred_of(accept, &[EventStream]), None, "{accept}");
        }
    }
}
