//! The file name of a body, in `Content-Disposition` (RFC 6266).

use std::borrow::Cow;

use super::percent::decode;

/// Returns the file name that a `Content-Disposition` header states, if it states one: that of `filename*`, or else that
/// of `filename`. It is as it was sent, and must be checked before it is used.
///
/// # Errors
/// A message about a malformed header.
pub(super) fn file_name(value: &[u8]) -> Result<Option<String>, &'static str> {
    let value = str::from_utf8(value).map_err(|_| "must be UTF-8; write other characters as filename*=UTF-8''…")?;
    let (disposition, mut rest) = value.split_once(';').unwrap_or((value, ""));
    if !is_token(disposition.trim()) {
        return Err(MALFORMED);
    }
    let (mut plain, mut extended) = (None, None);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return Ok(extended.or(plain));
        }
        let (name, after) = rest.split_once('=').ok_or(MALFORMED)?;
        let (parameter, after) = parameter_value(after.trim_start())?;
        rest = after.trim_start();
        if !is_token(name.trim()) || !(rest.is_empty() || rest.starts_with(';')) {
            return Err(MALFORMED);
        }
        let repeated = match name.trim().to_ascii_lowercase().as_str() {
            "filename" => plain.replace(parameter.into_owned()),
            "filename*" => extended.replace(decode_extended(&parameter)?),
            _ => None,
        };
        if repeated.is_some() {
            return Err("has a file name twice");
        }
    }
}

/// Returns the header that states this file name, for any client: with `filename*`, and with `filename` in ASCII for
/// those that do not know it.
#[must_use]
pub fn attachment_disposition(file_name: &str) -> String {
    let ascii: String = file_name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    if ascii == file_name {
        return format!("attachment; filename=\"{ascii}\"");
    }
    let mut encoded = String::with_capacity(file_name.len() * 3);
    for byte in file_name.bytes() {
        if is_attribute_byte(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

const MALFORMED: &str = "must be a disposition with a file name, such as attachment; filename=\"report.pdf\"";

/// Returns a value, which is a token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return if value.is_empty() { Err(MALFORMED) } else { Ok((Cow::Borrowed(value), rest)) };
    };
    let mut value = String::with_capacity(quoted.len());
    let mut characters = quoted.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((Cow::Owned(value), &quoted[index + 1..])),
            // Some clients do not escape the backslashes of a path, so that only these two sequences are escapes.
            '\\' => match characters.next_if(|(_, next)| ['"', '\\'].contains(next)) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    Err(MALFORMED)
}

/// Decodes a value such as `UTF-8''%e2%82%ac%20rates` (RFC 8187).
fn decode_extended(value: &str) -> Result<String, &'static str> {
    const EXPECTED: &str =
        "must have filename* in the form UTF-8''name, with other characters as percent-encoded UTF-8";
    let mut parts = value.splitn(3, '\'');
    let (Some(charset), Some(_language), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(EXPECTED);
    };
    if !charset.eq_ignore_ascii_case("UTF-8") {
        return Err(EXPECTED);
    }
    decode(&encoded.replace('+', "%2B")).map(Cow::into_owned).map_err(|_| EXPECTED)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a character may be in a quoted file name for clients of any age.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') && !['"', '\\', '%', '\''].contains(&character)
}

/// Whether a byte is itself in an extended value (RFC 8187 § 3.2.1).
fn is_attribute_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_is_read_from_every_form() {
        for (header, wanted) in [
            ("attachment; filename=report.pdf", Some("report.pdf")),
            ("attachment; filename=\"a report.pdf\"", Some("a report.pdf")),
            ("ATTACHMENT;FILENAME=\"a\"", Some("a")),
            ("attachment; filename=\"say \\\"hi\\\" \\\\ there\"", Some("say \"hi\" \\ there")),
            ("attachment; filename=\"C:\\reports\\a.pdf\"", Some("C:\\reports\\a.pdf")),
            ("attachment; filename=\"a;b=c.pdf\" ; size=3", Some("a;b=c.pdf")),
            ("attachment; filename=\"Prüfung.pdf\"", Some("Prüfung.pdf")),
            ("attachment; filename*=UTF-8''Pr%C3%BCfung%20%281%29.pdf", Some("Prüfung (1).pdf")),
            ("attachment; filename*=utf-8'de'a+b.pdf; filename=\"c.pdf\"", Some("a+b.pdf")),
            ("attachment; filename=\"c.pdf\"; filename*=UTF-8''%E2%82%AC.pdf", Some("€.pdf")),
            ("form-data; name=\"file\"; filename=\"a.csv\"", Some("a.csv")),
            ("attachment", None),
            ("inline;", None),
            ("attachment; size=3", None),
        ] {
            assert_eq!(file_name(header.as_bytes()), Ok(wanted.map(str::to_owned)), "{header}");
        }
    }

    #[test]
    fn a_malformed_header_is_refused() {
        for header in [
            "",
            "; filename=a",
            "attachment; filename",
            "attachment; filename=",
            "attachment; filename=\"a",
            "attachment; filename=\"a\"b",
            "attachment; filename=\"a\" b=c",
            "attachment; =a",
            "attachment; filename=a; filename=b",
            "attachment; filename*=a",
            "attachment; filename*=UTF-8'a",
            "attachment; filename*=ISO-8859-1''a",
            "attachment; filename*=UTF-8''%FF",
            "attachment; filename*=UTF-8''%2",
        ] {
            assert!(file_name(header.as_bytes()).is_err(), "{header}");
        }
        assert!(file_name(b"attachment; filename=\"\xfc.pdf\"").is_err());
    }

    #[test]
    fn a_file_name_is_stated_in_both_forms_unless_it_is_plain() {
        assert_eq!(attachment_disposition("a report.pdf"), "attachment; filename=\"a report.pdf\"");
        assert_eq!(
            attachment_disposition("Prüfung \"1\" 100%.pdf"),
            "attachment; filename=\"Pr_fung _1_ 100_.pdf\"; filename*=UTF-8''Pr%C3%BCfung%20%221%22%20100%25.pdf"
        );
        for name in ["a", "a+b (c).pdf", "Prüfung; x=\"y\".pdf", "\\", "%41", "'", "日本語"] {
            assert_eq!(file_name(attachment_disposition(name).as_bytes()), Ok(Some(name.to_owned())), "{name}");
        }
    }
}
