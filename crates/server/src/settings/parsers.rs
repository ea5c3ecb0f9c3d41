//! Parsers of setting values.

use std::{net::SocketAddr, time::Duration};

/// Parses a duration such as `60s`, `15m`, `24h` or `7d`.
///
/// # Errors
/// If the syntax is invalid, or the duration exceeds ten years.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let error = || format!("{text:?} is not a duration such as 60s, 15m or 24h");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let seconds: u64 = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(error()),
    };
    let number: u32 = digits.parse().map_err(|_| error())?;
    // Ten years exceed any use and are far from overflowing sums.
    let span = u64::from(number).checked_mul(seconds).filter(|span| *span <= 10 * 366 * 86_400).ok_or_else(error)?;
    Ok(Duration::from_secs(span))
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let literal = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    literal.parse().map_err(|_| format!("{text:?} is not an address and port such as 127.0.0.1:8080"))
}

pub(super) fn parse_positive(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{text:?} is not a whole number from 1 to 4294967295"))
}

/// Parses a number of mebibytes and returns it in bytes. An eighth of it must hold the largest body.
pub(super) fn parse_mebibytes(text: &str) -> Result<usize, String> {
    let bytes = |mebibytes: usize| mebibytes.checked_mul(1024 * 1024);
    text.parse()
        .ok()
        .filter(|number| (8..=65_536).contains(number))
        .and_then(bytes)
        .ok_or_else(|| format!("{text:?} is not a whole number from 8 to 65536"))
}

pub(super) fn parse_one_of<T: Copy>(text: &str, values: &[(&str, T)]) -> Result<T, String> {
    values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        format!("{text:?} is not one of {}", names.join(", "))
    })
}

/// Parses the name that the names of logs begin with: segments of ASCII letters, digits, `.`, `-`, `_` and `:`, separated
/// by slashes. A note allows neither a space nor a plus in a name, and a scheme is no part of it.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || ".-_:".contains(character);
    let is_segment = |segment: &str| !segment.is_empty() && segment.chars().all(is_allowed);
    if text.len() <= 190 && text.split('/').all(is_segment) {
        return Ok(text.to_owned());
    }
    let hint = if text.contains("://") { ", without the scheme" } else { "" };
    Err(format!("{text:?} is not a name such as audit.example.org or example.org/audit, at most 190 characters{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for text in ["", "60", "s", "-1s", "1.5h", "1 h", "60S", "999999999d", "1µ"] {
            assert!(parse_duration(text).is_err(), "{text:?} was accepted as a duration");
        }
    }

    #[test]
    fn an_origin_is_a_name_that_a_note_allows() {
        for text in ["audit.example.org", "example.org/audit/1", "localhost:8080", "01KSFQX5Y80000000000000001"] {
            assert_eq!(parse_origin(text).as_deref(), Ok(text));
        }
        let long = "a".repeat(191);
        for text in ["", "https://example.org", "example.org/", "/x", "a b", "a+b", "ä.example", "a\n", &long] {
            assert!(parse_origin(text).is_err(), "{text:?} was accepted as an origin");
        }
    }

    #[test]
    fn localhost_is_the_loopback_address() {
        assert_eq!(parse_address("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert!(parse_address("8080").is_err());
    }
}
