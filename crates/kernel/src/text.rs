//! Validated texts with the limits of the contract (v1 § 1). They are checked on input and trusted afterwards.

use std::{fmt, marker::PhantomData, sync::Arc};

/// The rule a rejected text breaks, as a message for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub &'static str);

/// The validation rule of a [`Text`].
pub trait Rule: 'static {
    /// The description of the rule in the API document and in error messages.
    const DESCRIPTION: &'static str;
    /// The minimum length in characters.
    const MIN: usize;
    /// The maximum length in characters.
    const MAX: usize;
    /// Whether surrounding white space is removed before the text is checked and stored.
    const TRIMMED: bool = false;
    /// Returns whether the rule allows the characters of the text.
    fn allows(text: &str) -> bool;
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
    /// [`TextError`] with the description of the rule.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = if R::TRIMMED { text.trim() } else { text };
        let length = if text.len() > R::MAX { text.chars().count() } else { text.len() };
        let enough = text.chars().take(R::MIN).count() == R::MIN;
        if enough && length <= R::MAX && R::allows(text) {
            Ok(Self { text: text.into(), rule: PhantomData })
        } else {
            Err(TextError(R::DESCRIPTION))
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

fn has_no_control_characters(text: &str) -> bool {
    if text.is_ascii() {
        // Without an early return, the compiler vectorizes the loop, which runs for every text of every page.
        let is_control = |byte: u8| (byte < b' ' && byte != b'\t' && byte != b'\n') || byte == 0x7f;
        return !text.bytes().fold(false, |found, byte| found | is_control(byte));
    }
    !text.chars().any(|character| character.is_control() && character != '\t' && character != '\n')
}

macro_rules! rule {
    ($(#[$doc:meta])* $text:ident = $rule:ident { $description:literal, $min:literal..=$max:literal, $allows:expr $(, trimmed = $trimmed:literal)? }) => {
        #[doc = concat!("The validation rule of [`", stringify!($text), "`].")]
        #[derive(Debug)]
        pub enum $rule {}
        impl Rule for $rule {
            const DESCRIPTION: &'static str = $description;
            const MIN: usize = $min;
            const MAX: usize = $max;
            $(const TRIMMED: bool = $trimmed;)?
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
    RecordKey = RecordKeyRule { "must be 1 to 200 visible ASCII characters without spaces", 1..=200, |text| text.bytes().all(|byte| byte.is_ascii_graphic()) }
}
rule! {
    /// A title or a name: 1 to 300 characters, not blank.
    Title = TitleRule { "must be 1 to 300 characters, not blank, without control characters other than tab and newline", 1..=300, |text| has_no_control_characters(text) && !text.trim().is_empty() }
}
rule! {
    /// A long text: at most 20,000 characters, possibly empty.
    Description = DescriptionRule { "must be at most 20000 characters, without control characters other than tab and newline", 0..=20_000, has_no_control_characters }
}
rule! {
    /// A reference to something in another module or system: 1 to 200 characters.
    Reference = ReferenceRule { "must be 1 to 200 characters, not blank, without control characters other than tab and newline", 1..=200, |text| has_no_control_characters(text) && !text.trim().is_empty() }
}
rule! {
    /// The reason for a change, stored in the audit log: 10 to 1000 characters after trimming.
    Reason = ReasonRule { "must be 10 to 1000 characters after trimming, without control characters other than tab and newline", 10..=1000, has_no_control_characters, trimmed = true }
}
rule! {
    /// An email address. Only its outline is checked; only a delivery can prove that it exists.
    Email = EmailRule { "must be an email address", 3..=254, |text| has_no_control_characters(text)
        && !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@')) }
}

rule! {
    /// The slug of an organization: 1 to 63 lower-case letters, digits and inner hyphens.
    Slug = SlugRule { "must be 1 to 63 lower-case letters, digits and inner hyphens", 1..=63, |text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-') }
}
rule! {
    /// A decimal number, stored and sent as a text so that no digit is lost: `94.5`, `-0.001`. Stores neither sort nor add
    /// up such texts.
    Decimal = DecimalRule { "must be a decimal number such as 94.5, of at most 40 characters", 1..=40, is_decimal }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((integer, fraction)) => digits(integer) && digits(fraction),
        None => digits(unsigned),
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Ordering, collections::HashSet, hash};

    use super::*;

    #[test]
    fn a_text_has_at_least_the_minimum_and_at_most_the_maximum_of_characters() {
        for length in [10, 11, 999, 1_000] {
            assert!(Reason::parse(&"x".repeat(length)).is_ok(), "{length}");
            assert!(Reason::parse(&"é".repeat(length)).is_ok(), "{length}");
        }
        for length in [0, 9, 1_001] {
            assert!(Reason::parse(&"x".repeat(length)).is_err(), "{length}");
            assert!(Reason::parse(&"é".repeat(length)).is_err(), "{length}");
        }
        assert_eq!(Reason::parse("short"), Err(TextError(ReasonRule::DESCRIPTION)));
    }

    #[test]
    fn a_trusted_text_is_not_checked() {
        assert_eq!(RecordKey::trusted("two words").as_str(), "two words");
    }

    #[test]
    fn texts_are_compared_hashed_and_ordered_by_their_characters() {
        let key = |text: &str| RecordKey::parse(text).unwrap();
        assert!(key("a") == key("a") && key("a") != key("b"));
        assert_eq!(key("a").partial_cmp(&key("b")), Some(Ordering::Less));
        assert_eq!(key("b").cmp(&key("a")), Ordering::Greater);
        assert_eq!([key("a"), key("b"), key("a")].into_iter().collect::<HashSet<_>>().len(), 2);
        let hasher = hash::BuildHasherDefault::<hash::DefaultHasher>::default();
        assert_ne!(hash::BuildHasher::hash_one(&hasher, key("a")), hash::BuildHasher::hash_one(&hasher, key("b")));
    }

    #[test]
    fn a_text_is_displayed_as_it_is_stored() {
        let title = Title::parse("A \"title\"").unwrap();
        assert_eq!(title.to_string(), "A \"title\"");
        assert_eq!(title.as_ref(), title.as_str());
        assert_eq!(format!("{title:?}"), r#""A \"title\"""#);
        assert_eq!(Description::default().as_str(), "");
    }

    #[test]
    fn a_reference_is_not_blank() {
        assert!(Reference::parse(" INC 7 ").is_ok());
        assert!(Reference::parse(" ").is_err() && Reference::parse("a\0").is_err());
    }

    #[test]
    fn an_email_address_has_one_at_sign_between_its_parts_and_no_spaces() {
        assert!(Email::parse("ann@example.com").is_ok());
        for bad in ["", "a@", "@example.com", "ann", "a@b@c", "ann smith@example.com", "ann@exam\tple.com", "a\0@b.c"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn length_limits_count_characters_not_bytes() {
        assert!(Title::parse(&"é".repeat(300)).is_ok());
        assert!(Title::parse(&"é".repeat(301)).is_err());
        assert!(Title::parse("").is_err());
        assert!(Title::parse(" \t").is_err());
        assert!(Description::parse("").is_ok());
        assert!(Description::parse(&"x".repeat(20_001)).is_err());
        assert!(RecordKey::parse("with space").is_err());
        assert!(RecordKey::parse("naïve").is_err());
        assert!(RecordKey::parse(&"k".repeat(201)).is_err());
    }

    #[test]
    fn a_reason_is_measured_after_trimming() {
        assert_eq!(Reason::parse("   ten chars!  ").unwrap().as_str(), "ten chars!");
        assert!(Reason::parse("   nine chr     ").is_err());
        assert!(Reason::parse("éééééééé").is_err(), "eight characters in sixteen bytes");
    }

    #[test]
    fn control_characters_other_than_tab_and_newline_are_rejected() {
        for good in ["a\tb\nc", "é\tb\nc", "a b", "\t", "é"] {
            assert!(Description::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["a\0b", "a\rb", "a\u{1f}b", "a\u{7f}b", "a\u{85}b", "é\0b", "é\rb", "\0\0"] {
            assert!(Description::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_decimal_has_digits_on_both_sides_of_its_point() {
        for good in ["0", "94.5", "-0.001", "007"] {
            assert!(Decimal::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "-", ".5", "5.", "1e3", "1,5", "+1", "1.2.3", " 1", &"9".repeat(41)] {
            assert!(Decimal::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_slug_has_lower_case_letters_digits_and_inner_hyphens() {
        for good in ["a", "acme-2", &"a".repeat(63)] {
            assert!(Slug::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "-a", "a-", "Acme", "a_b", "é", &"a".repeat(64)] {
            assert!(Slug::parse(bad).is_err(), "{bad:?}");
        }
    }
}
