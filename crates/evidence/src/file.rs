//! The properties of an uploaded file.

use kernel::{Rule, Text, is_allowed_in_line, is_invisible};

/// The name of a file, without a path.
pub type FileName = Text<FileNameRule>;

/// The validation rule of [`FileName`].
#[derive(Debug)]
pub enum FileNameRule {}

impl Rule for FileNameRule {
    const DESCRIPTION: &'static str = "must have 1 to 255 characters, not all of them blank, without a path and without what common systems do not allow in the name of a file";
    const PATTERN: &'static str = r#"^[^/\\<>:"|?*\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb]*$"#;
    const MIN: usize = 1;
    const MAX: usize = 255;
    fn allows(text: &str) -> bool {
        Self::fault(text).is_none()
    }

    fn fault(text: &str) -> Option<&'static str> {
        if text.contains(['/', '\\']) {
            return Some("must not have a path: slashes and backslashes are not allowed");
        }
        if has_unseen_characters(text) {
            return Some(
                "must not have control characters, or characters that are not displayed or reorder others, such as U+200F and U+FEFF",
            );
        }
        if text.contains(['<', '>', ':', '"', '|', '?', '*']) {
            return Some("must not have the characters < > : \" | ? *, which Windows does not allow in names");
        }
        if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            return Some("must not begin or end with a space");
        }
        if text.ends_with('.') {
            return Some("must not end with a dot");
        }
        is_reserved(text)
            .then_some("must not be a name that Windows reserves for a device, such as NUL, COM1 and con.txt")
    }
}

/// Whether the text has characters that nobody sees. Joiners and variation selectors are allowed where names need them:
/// after a character of a script or an emoji, which is never one of ASCII.
fn has_unseen_characters(text: &str) -> bool {
    let is_selector = |character| ('\u{fe00}'..='\u{fe0f}').contains(&character);
    let is_joiner = |character| ['\u{200c}', '\u{200d}'].contains(&character);
    let mut before = 'a';
    text.chars().any(|character| {
        let follows_displayed = !before.is_ascii() && !is_invisible(before);
        let is_needed = (is_selector(character) && follows_displayed)
            || (is_joiner(character) && (follows_displayed || is_selector(before)));
        before = character;
        !is_allowed_in_line(character) || (is_invisible(character) && !is_needed)
    })
}

/// Whether Windows reserves the name for a device, whatever its extension.
fn is_reserved(text: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    const PORTS: [&str; 2] = ["COM", "LPT"];
    let stem = text.split('.').next().unwrap_or_default().trim_end();
    let is_port = || {
        let (port, number) = stem.split_at_checked(3)?;
        let is_number =
            matches!(number, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "\u{b9}" | "\u{b2}" | "\u{b3}");
        Some(is_number && PORTS.iter().any(|name| name.eq_ignore_ascii_case(port)))
    };
    DEVICES.iter().any(|name| name.eq_ignore_ascii_case(stem)) || is_port().unwrap_or_default()
}

/// A media type with its parameters: `text/csv; charset=utf-8`.
pub type ContentType = Text<ContentTypeRule>;

/// The validation rule of [`ContentType`].
#[derive(Debug)]
pub enum ContentTypeRule {}

impl Rule for ContentTypeRule {
    const DESCRIPTION: &'static str = "must be a media type such as text/csv, optionally with parameters, of at most 200 visible ASCII characters and spaces";
    const PATTERN: &'static str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *;[ -~]*)?$";
    const MIN: usize = 3;
    const MAX: usize = 200;
    fn allows(text: &str) -> bool {
        let (media_type, parameters) = text.split_once(';').unwrap_or((text, ""));
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
        let has_both = media_type
            .trim_end_matches(' ')
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        has_both && parameters.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    }
}

/// Whether the byte may be part of a token (RFC 9110 § 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A SHA-256 hash in lower-case hexadecimal.
pub type Sha256 = Text<Sha256Rule>;

/// The validation rule of [`Sha256`].
#[derive(Debug)]
pub enum Sha256Rule {}

impl Rule for Sha256Rule {
    const DESCRIPTION: &'static str = "must be a SHA-256 hash of 64 lower-case hexadecimal digits";
    const PATTERN: &'static str = "^[0-9a-f]*$";
    const MIN: usize = 64;
    const MAX: usize = 64;
    fn allows(text: &str) -> bool {
        text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }
}

/// The key of an object in the object store.
pub type ObjectKey = Text<ObjectKeyRule>;

/// The validation rule of [`ObjectKey`].
#[derive(Debug)]
pub enum ObjectKeyRule {}

impl Rule for ObjectKeyRule {
    const DESCRIPTION: &'static str = "must be an object key of 1 to 500 visible ASCII characters";
    const PATTERN: &'static str = "^[!-~]*$";
    const MIN: usize = 1;
    const MAX: usize = 500;
    fn allows(text: &str) -> bool {
        text.bytes().all(|byte| byte.is_ascii_graphic())
    }
}
