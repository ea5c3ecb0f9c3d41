//! Validation of locales, by their syntax only, because the set of existing ones changes every year; and of time zones, in
//! which pages must be able to show times.

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

/// Parses the name of a time zone.
///
/// # Errors
/// If there is no such time zone.
pub(super) fn parse_timezone(text: &str) -> Result<RecordKey, String> {
    people::parse_time_zone(text)
        .ok_or_else(|| "there is no such time zone: use UTC or an IANA time zone such as America/Denver".to_owned())
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
    fn a_timezone_is_one_in_which_pages_can_show_times() {
        assert_eq!(parse_timezone("america/port-au-prince").unwrap().as_str(), "America/Port-au-Prince");
        for bad in ["", "Denver", "+01:00", "Atlantis/Capital", "America/Denvr"] {
            assert!(parse_timezone(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
