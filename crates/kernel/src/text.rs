//! Texts with the limits the contract sets (v1 § 1), checked where they enter and trusted from there on.

use std::{fmt, marker::PhantomData, sync::Arc};

/// Why a text was refused, in words fit for an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub &'static str);

/// The rule a [`Text`] was held to.
pub trait Rule: 'static {
    /// What the rule asks for, for documents and messages.
    const SAYS: &'static str;
    /// Fewest characters.
    const MIN: usize;
    /// Most characters.
    const MAX: usize;
    /// Whether surrounding white space is cut off before the text is measured and kept.
    const TRIMMED: bool = false;
    /// Whether the characters are ones the rule allows.
    fn allows(text: &str) -> bool;
}

/// A text that keeps rule `R`. Cheap to clone.
pub struct Text<R> {
    text: Arc<str>,
    rule: PhantomData<fn() -> R>,
}

impl<R: Rule> Text<R> {
    /// Holds `text` to the rule.
    ///
    /// # Errors
    /// [`TextError`] with what the rule asks for.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = if R::TRIMMED { text.trim() } else { text };
        let length = if text.len() > R::MAX { text.chars().count() } else { text.len() };
        let enough = text.chars().take(R::MIN).count() == R::MIN;
        if enough && length <= R::MAX && R::allows(text) {
            Ok(Self { text: text.into(), rule: PhantomData })
        } else {
            Err(TextError(R::SAYS))
        }
    }

    /// A text that was held to the rule when it entered, as a store gives it back. It is not looked at again: what a store
    /// holds has come through [`Self::parse`].
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

fn plain(text: &str) -> bool {
    if text.is_ascii() {
        // Without a way out in the middle, the compiler looks at many bytes at once: every text of every page comes by here.
        let control = |byte: u8| (byte < b' ' && byte != b'\t' && byte != b'\n') || byte == 0x7f;
        return !text.bytes().fold(false, |found, byte| found | control(byte));
    }
    !text.chars().any(|character| character.is_control() && character != '\t' && character != '\n')
}

macro_rules! rule {
    ($(#[$doc:meta])* $text:ident = $rule:ident { $says:literal, $min:literal..=$max:literal, $allows:expr $(, trimmed = $trimmed:literal)? }) => {
        #[doc = concat!("The rule of [`", stringify!($text), "`].")]
        #[derive(Debug)]
        pub enum $rule {}
        impl Rule for $rule {
            const SAYS: &'static str = $says;
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
    /// A record's own key, unique in its organization and kind: 1 to 200 visible ASCII characters.
    RecordKey = RecordKeyRule { "must be 1 to 200 visible ASCII characters without spaces", 1..=200, |text| text.bytes().all(|byte| byte.is_ascii_graphic()) }
}
rule! {
    /// A title or name: 1 to 300 characters, not blank.
    Title = TitleRule { "must be 1 to 300 characters, not blank, without control characters but tab and newline", 1..=300, |text| plain(text) && !text.trim().is_empty() }
}
rule! {
    /// A longer text: up to 20,000 characters, possibly none.
    Description = DescriptionRule { "must be at most 20000 characters, without control characters but tab and newline", 0..=20_000, plain }
}
rule! {
    /// Names something in another module or outside: 1 to 200 characters.
    Reference = ReferenceRule { "must be 1 to 200 characters, not blank, without control characters but tab and newline", 1..=200, |text| plain(text) && !text.trim().is_empty() }
}
rule! {
    /// Why a change is made, kept in the audit log: 10 to 1000 characters after trimming.
    Reason = ReasonRule { "must be 10 to 1000 characters after trimming, without control characters but tab and newline", 10..=1000, plain, trimmed = true }
}
rule! {
    /// A mail address, held only to its outline: delivery alone can prove more.
    Email = EmailRule { "must be a mail address", 3..=254, |text| plain(text)
        && !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_hold_at_both_ends() {
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
    fn control_characters_but_tab_and_newline_are_refused() {
        assert!(Description::parse("a\tb\nc").is_ok());
        for bad in ["a\0b", "a\rb", "a\u{7f}b", "a\u{85}b"] {
            assert!(Description::parse(bad).is_err(), "{bad:?}");
        }
    }
}
