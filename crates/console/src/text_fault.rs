//! The faults of texts, in words that name the one rule that it breaks.

use kernel::{Rule, Text, is_allowed_in_line, is_allowed_in_text, is_invisible};

use crate::words::{counted, grouped};

/// The limits of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextLimits {
    /// The least number of characters that can be seen.
    pub(crate) min: usize,
    /// The greatest number of characters.
    pub(crate) max: usize,
    /// Whether it may have several lines.
    pub(crate) is_multiline: bool,
    /// Whether it may have characters that reverse the order of others.
    pub(crate) allows_overrides: bool,
}

/// Reads a text that a person typed.
///
/// # Errors
/// What is wrong with it, for a sentence that begins with the label of its field.
pub(crate) fn parse_text<R: Rule>(text: &str) -> Result<Text<R>, String> {
    let limits =
        TextLimits { min: R::MIN, max: R::MAX, is_multiline: R::MULTILINE, allows_overrides: R::allows("\u{202e}") };
    Text::parse(text).map_err(|error| text_fault(text, limits).unwrap_or_else(|| error.to_string()))
}

/// The fault of a text by these limits; `None` if it breaks another rule.
pub(crate) fn text_fault(text: &str, limits: TextLimits) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    let length = text.chars().count();
    let characters = |count: usize| counted(count, "character", "characters");
    if length > limits.max {
        return Some(format!("has {}. Write at most {}", characters(length), grouped(limits.max as u64)));
    }
    if let Some((index, character)) = text.chars().enumerate().find(|(_, character)| !allows(limits, *character)) {
        let position = format!("U+{:04X}, character {}", u32::from(character), index + 1);
        return Some(match character {
            '\n' | '\u{2028}' | '\u{2029}' => "has several lines. Write one".to_owned(),
            _ if is_allowed_in_text(character) => {
                format!("has a character that reverses the order of those after it ({position}). Remove it")
            }
            _ => format!("has a control character ({position}). Remove it"),
        });
    }
    let visible = text.chars().filter(|character| !is_invisible(*character)).count();
    match (visible, limits.min) {
        (_, 0) => None,
        (0, 1) if text.is_empty() => Some("is missing".to_owned()),
        (0, 1) => Some("has no character that can be seen. Write at least 1".to_owned()),
        (visible, min) if visible < min => Some(format!("has {}. Write at least {min}", characters(visible))),
        _ => None,
    }
}

fn allows(limits: TextLimits, character: char) -> bool {
    match (limits.is_multiline, limits.allows_overrides) {
        (false, _) => is_allowed_in_line(character),
        (true, true) => is_allowed_in_text(character),
        (true, false) => matches!(character, '\n' | '\t' | '\u{2028}' | '\u{2029}') || is_allowed_in_line(character),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{DescriptionRule, ReasonRule, RecordKeyRule, TitleRule};

    use super::*;

    fn fault<R: Rule>(text: &str) -> String {
        parse_text::<R>(text).expect_err("it breaks a rule")
    }

    #[test]
    fn a_fault_names_the_one_rule_that_is_broken() {
        assert_eq!(fault::<ReasonRule>("short"), "has 5 characters. Write at least 10");
        assert_eq!(fault::<ReasonRule>(&"x".repeat(1001)), "has 1,001 characters. Write at most 1,000");
        let reversed = fault::<ReasonRule>("seems to say \u{202e}something else");
        assert_eq!(
            reversed,
            "has a character that reverses the order of those after it (U+202E, character 14). Remove it"
        );
        assert_eq!(fault::<TitleRule>(&"x".repeat(310)), "has 310 characters. Write at most 300");
        assert_eq!(fault::<TitleRule>("two\r\nlines"), "has several lines. Write one");
        assert_eq!(fault::<TitleRule>("a bell\u{7}"), "has a control character (U+0007, character 7). Remove it");
        assert_eq!(fault::<TitleRule>("\u{200b}"), "has no character that can be seen. Write at least 1");
        assert!(fault::<DescriptionRule>(&"x".repeat(20_001)).ends_with("Write at most 20,000"));
    }

    #[test]
    fn another_rule_is_said_as_a_whole() {
        assert_eq!(fault::<RecordKeyRule>("a key"), "must be 1 to 200 visible ASCII characters without spaces");
        assert!(parse_text::<ReasonRule>("A reason\nof two lines").is_ok());
    }
}
