//! Validated texts with the limits of the contract (v1 § 1). They are checked on input and trusted afterwards.

mod characters;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc};

use characters::{has_visible_characters, is_bidirectional_override};
pub use characters::{is_allowed_in_line, is_allowed_in_text, is_invisible};

/// The rule a rejected text breaks, as a message for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub &'static str);

/// The validation rule of a [`Text`].
pub trait Rule: 'static {
    /// The description of the rule in the API document and in error messages.
    const DESCRIPTION: &'static str;
    /// The regular expression (ECMA-262) of the allowed characters, for the API document. It does not repeat the limits
    /// of the length.
    const PATTERN: &'static str;
    /// The minimum length in characters that are displayed.
    const MIN: usize;
    /// The maximum length in characters.
    const MAX: usize;
    /// Whether surrounding white space is removed before the text is checked and stored.
    const TRIMMED: bool = false;
    /// Whether the text may have several lines. Then CRLF is stored as a newline.
    const MULTILINE: bool = false;
    /// Returns whether the rule allows the characters of the text.
    fn allows(text: &str) -> bool;
    /// Returns what is wrong with a text that breaks the rule, if one can be more exact than [`Self::DESCRIPTION`].
    fn fault(_text: &str) -> Option<&'static str> {
        None
    }
}

/// A text that conforms to rule `R`. Cheap to clone.
pub struct Text<R> {
    text: Arc<str>,
    rule: PhantomData<fn() -> R>,
}

impl<R: Rule> Text<R> {
    /// Checks `text` against the rule.
    ///
    /// # Errors
    /// [`TextError`] with what is wrong, or with the description of the rule.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = if R::MULTILINE && text.contains("\r\n") {
            Cow::Owned(text.replace("\r\n", "\n"))
        } else {
            Cow::Borrowed(text)
        };
        let text = if R::TRIMMED { text.trim() } else { &*text };
        let length = if text.len() > R::MAX { text.chars().count() } else { text.len() };
        if has_visible_characters(text, R::MIN) && length <= R::MAX && R::allows(text) {
            Ok(Self { text: text.into(), rule: PhantomData })
        } else {
            Err(TextError(R::fault(text).unwrap_or(R::DESCRIPTION)))
        }
    }

    /// Creates a text from a value that a store returns, without checking it again: every stored text has passed
    /// [`Self::parse`].
    #[must_use]
    pub fn trusted(text: &str) -> Self {
        Self { text: text.into(), rule: PhantomData }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for Description {
    fn default() -> Self {
        Self { text: Arc::from(""), rule: PhantomData }
    }
}

impl<R> Clone for Text<R> {
    fn clone(&self) -> Self {
        Self { text: Arc::clone(&self.text), rule: PhantomData }
    }
}

impl<R> PartialEq for Text<R> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<R> Eq for Text<R> {}

impl<R> PartialOrd for Text<R> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Text<R> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<R> std::hash::Hash for Text<R> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<R> fmt::Debug for Text<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<R> fmt::Display for Text<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<R> AsRef<str> for Text<R> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Whether the text has only characters that texts of several lines may contain.
fn is_text(text: &str) -> bool {
    if text.is_ascii() {
        // Without an early return, the compiler vectorizes the loop.
        let is_control = |byte: u8| (byte < b' ' && byte != b'\t' && byte != b'\n') || byte == 0x7f;
        return !text.bytes().fold(false, |found, byte| found | is_control(byte));
    }
    text.chars().all(is_allowed_in_text)
}

/// Whether the text has only characters that texts of one line may contain.
fn is_line(text: &str) -> bool {
    text.chars().all(is_allowed_in_line)
}

macro_rules! rule {
    (
        $(#[$doc:meta])*
        $text:ident = $rule:ident {
            $description:literal, $min:literal..=$max:literal, $pattern:literal, $allows:expr
            $(, trimmed = $trimmed:literal)? $(, multiline = $multiline:literal)? $(,)?
        }
    ) => {
        #[doc = concat!("The validation rule of [`", stringify!($text), "`].")]
        #[derive(Debug)]
        pub enum $rule {}
        impl Rule for $rule {
            const DESCRIPTION: &'static str = $description;
            const PATTERN: &'static str = $pattern;
            const MIN: usize = $min;
            const MAX: usize = $max;
            $(const TRIMMED: bool = $trimmed;)?
            $(const MULTILINE: bool = $multiline;)?
            fn allows(text: &str) -> bool {
                let allows: fn(&str) -> bool = $allows;
                allows(text)
            }
        }
        $(#[$doc])*
        pub type $text = Text<$rule>;
    };
}

rule! {
    /// The key of a record, unique in its organization and kind: 1 to 200 visible ASCII characters.
    RecordKey = RecordKeyRule {
        "must be 1 to 200 visible ASCII characters without spaces",
        1..=200,
        "^[!-~]*$",
        |text| text.bytes().all(|byte| byte.is_ascii_graphic()),
    }
}
rule! {
    /// The key of a version, unique within what it is a version of: a record key without a slash, so that both keys can
    /// be written as one: `nist-800-53/5.1`.
    VersionKey = VersionKeyRule {
        "must be 1 to 200 visible ASCII characters without spaces and slashes",
        1..=200,
        "^[!-.0-~]*$",
        |text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'),
    }
}
rule! {
    /// A title or a name: one line of 1 to 300 characters, not blank.
    Title = TitleRule {
        "must be one line of 1 to 300 characters, not blank, without control characters and bidirectional overrides",
        1..=300,
        r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$",
        is_line,
    }
}
rule! {
    /// A long text: at most 20,000 characters, possibly empty.
    Description = DescriptionRule {
        "must be at most 20000 characters, without control characters other than tab and newline",
        0..=20_000,
        r"^(?:[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\r\n)*$",
        is_text,
        multiline = true,
    }
}
rule! {
    /// A reference to something in another module or system: one line of 1 to 200 characters, not blank.
    Reference = ReferenceRule {
        "must be one line of 1 to 200 characters, not blank, without control characters and bidirectional overrides",
        1..=200,
        r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$",
        is_line,
    }
}
rule! {
    /// The reason for a change, stored in the audit log: 10 to 1000 characters after trimming.
    Reason = ReasonRule {
        "must be 10 to 1000 characters after trimming, without control characters other than tab and newline, and without bidirectional overrides",
        10..=1000,
        r"^(?:[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\r\n)*$",
        |text| is_text(text) && !text.contains(is_bidirectional_override),
        trimmed = true,
        multiline = true,
    }
}
rule! {
    /// An email address. Only its outline is checked; only a delivery can prove that it exists.
    Email = EmailRule {
        "must be an email address",
        3..=254,
        r"^[^@\s]+@[^@\s]+$",
        |text| is_line(text)
            && !text.contains(char::is_whitespace)
            && text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@')),
    }
}

rule! {
    /// The slug of an organization: 1 to 63 lower-case letters, digits and inner hyphens.
    Slug = SlugRule {
        "must be 1 to 63 lower-case letters, digits and inner hyphens",
        1..=63,
        "^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$",
        |text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-'),
    }
}
rule! {
    /// A decimal number, stored and sent as a text so that no digit is lost: `94.5`, `-0.001`. Stores neither sort nor add
    /// up such texts.
    Decimal = DecimalRule {
        "must be a decimal number such as 94.5, of at most 40 characters",
        1..=40,
        r"^-?[0-9]+(?:\.[0-9]+)?$",
        is_decimal,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((integer, fraction)) => digits(integer) && digits(fraction),
        None => digits(unsigned),
    }
}
