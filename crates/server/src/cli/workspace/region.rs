//! Validation of locales and time zones by their syntax only, because the sets of existing ones change every year.

use kernel::RecordKey;

/// Parses a locale by the syntax of BCP 47: a language, then subtags.
///
/// # Errors
/// If the syntax is invalid. The message describes it.
pub(super) fn parse_locale(text: &str) -> Result<RecordKey, String> {
    let mut subtags = text.split('-');
    let language = subtags.next().unwrap_or_default();
    let is_locale = (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    parse_key(text, is_locale, "it is not a BCP 47 language tag such as en-US")
}

/// Parses a time zone by the syntax of IANA names: `UTC`, or an area and a city.
///
/// # Errors
/// If the syntax is invalid. The message describes it.
pub(super) fn parse_timezone(text: &str) -> Result<RecordKey, String> {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
    };
    let is_timezone = text == "UTC" || (text.contains('/') && text.split('/').all(is_part));
    parse_key(text, is_timezone, "it is neither UTC nor an IANA time zone such as America/Denver")
}

fn parse_key(text: &str, is_valid: bool, error: &str) -> Result<RecordKey, String> {
    if !is_valid {
        return Err(error.to_owned());
    }
    RecordKey::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_with_subtags() {
        for good in ["en", "en-US", "zh-Hant-TW", "de-CH-1996", "es-419", "en-u-ca-gregory"] {
            assert!(parse_locale(good).is_ok(), "{good} was refused");
        }
        for bad in ["", "e", "english language", "en_US", "en-", "-US", "12-US", "en-abcdefghi", "é-FR"] {
            assert!(parse_locale(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_timezone_is_utc_or_an_area_and_a_city() {
        let good = ["UTC", "America/Denver", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5"];
        for good in good {
            assert!(parse_timezone(good).is_ok(), "{good} was refused");
        }
        for bad in
            ["", "Denver", "utc", "+01:00", "America/", "/Denver", "America//Denver", "Mars/../etc", "Europe/Köln"]
        {
            assert!(parse_timezone(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
