//! The properties of an uploaded file.

use kernel::{Rule, Text, is_allowed_in_line};

/// The name of a file, without a path.
pub type FileName = Text<FileNameRule>;

/// The validation rule of [`FileName`].
#[derive(Debug)]
pub enum FileNameRule {}

impl Rule for FileNameRule {
    const DESCRIPTION: &'static str = "must be a file name of 1 to 255 characters on one line, not blank, without slashes, backslashes, control characters and bidirectional overrides, that neither ends with a dot or a space nor is reserved, such as NUL or con.txt";
    const PATTERN: &'static str = r"^[^/\\\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$";
    const MIN: usize = 1;
    const MAX: usize = 255;
    fn allows(text: &str) -> bool {
        let stem = text.split('.').next().unwrap_or_default().trim_end();
        !text.ends_with(['.', ' '])
            && !RESERVED_NAMES.iter().any(|reserved| reserved.eq_ignore_ascii_case(stem))
            && text.chars().all(|character| is_allowed_in_line(character) && !['/', '\\'].contains(&character))
    }
}

/// The names of devices, which Windows reserves with any extension.
const RESERVED_NAMES: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "LPT1", "LPT2",
    "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

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
