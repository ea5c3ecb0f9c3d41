//! The characters that texts must not contain, and the characters that nobody sees.

use std::ops::RangeInclusive;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// The controls that change the order in which the characters after them are displayed: embeddings, overrides and
/// isolates (UAX #9). The marks U+061C, U+200E and U+200F are not among them: names in right-to-left scripts use them.
const BIDIRECTIONAL_OVERRIDES: &[RangeInclusive<char>] = &['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];

/// The separators of lines and of paragraphs, besides the control characters.
const LINE_SEPARATORS: RangeInclusive<char> = '\u{2028}'..='\u{2029}';

/// The characters that are displayed as nothing, or as an empty cell, although they are not white space: those with the
/// property `Default_Ignorable_Code_Point`, the annotation controls, the blank Braille pattern, and the null notehead.
const INVISIBLE: &[RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d159}'..='\u{1d159}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

fn is_in(ranges: &[RangeInclusive<char>], character: char) -> bool {
    ranges.iter().any(|range| range.contains(&character))
}

/// Whether the character is displayed as nothing. A text of such characters and white space is blank.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    !character.is_ascii() && is_in(INVISIBLE, character)
}

/// Whether a text of several lines may contain the character: any but the control characters, except tab and newline.
#[must_use]
pub fn is_allowed_in_text(character: char) -> bool {
    !character.is_control() || matches!(character, '\t' | '\n')
}

/// Whether the character changes the order in which the characters after it are displayed, so that a text seems to say
/// something else than it does.
pub(super) fn is_bidirectional_override(character: char) -> bool {
    !character.is_ascii() && is_in(BIDIRECTIONAL_OVERRIDES, character)
}

/// Whether a text of one line, such as a title, may contain the character: no control character, no separator of lines,
/// no bidirectional override.
#[must_use]
pub fn is_allowed_in_line(character: char) -> bool {
    !character.is_control() && !LINE_SEPARATORS.contains(&character) && !is_bidirectional_override(character)
}

/// Whether the text has at least `minimum` characters that are displayed, white space between them included. At least
/// one of them is displayed on its own: marks, such as accents, belong to another character.
pub(super) fn has_visible_characters(text: &str, minimum: usize) -> bool {
    let text = text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character));
    let count = text.chars().filter(|character| !is_invisible(*character)).take(minimum).count();
    count == minimum && (minimum == 0 || text.chars().any(is_displayed_alone))
}

fn is_displayed_alone(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_graphic();
    }
    !character.is_whitespace()
        && !is_invisible(character)
        && character.general_category_group() != GeneralCategoryGroup::Mark
        && character.general_category() != GeneralCategory::Format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_reorders_a_text_is_invisible_and_allowed_in_long_texts_only() {
        for character in BIDIRECTIONAL_OVERRIDES.iter().cloned().flatten() {
            assert!(is_invisible(character) && is_allowed_in_text(character), "{character:?}");
            assert!(!is_allowed_in_line(character), "{character:?}");
        }
    }

    #[test]
    fn visible_characters_are_counted_between_the_first_and_the_last_of_them() {
        for (text, visible) in [
            ("", 0),
            (" \t", 0),
            ("\u{200b} \u{3164}\u{feff}", 0),
            (" a b ", 3),
            ("\u{2060}a\u{200b}b", 2),
            ("é\u{fe0f}", 1),
            ("e\u{301}", 2),
            ("\u{1d159}", 0),
        ] {
            assert!(has_visible_characters(text, visible), "{text:?}");
            assert!(!has_visible_characters(text, visible + 1), "{text:?}");
        }
    }

    #[test]
    fn marks_and_format_characters_alone_are_not_visible() {
        for text in
            ["\u{301}", "\u{20dd}", "\u{301} \u{302}", "\u{13430}", "\u{93f}", "\u{600}", "\u{301}\u{200d}\u{fe0f}"]
        {
            assert!(!has_visible_characters(text, 1), "{text:?}");
            assert!(has_visible_characters(&format!("a{text}"), 1) && has_visible_characters(text, 0), "{text:?}");
        }
        for text in ["\u{2014}", "🔓", "か", "१", "\u{e000}", "\u{25cc}\u{301}", "¨"] {
            assert!(has_visible_characters(text, 1), "{text:?}");
        }
    }
}
