//! Tests of the rules of texts.

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
fn a_text_of_several_lines_stores_crlf_as_a_newline_and_refuses_a_lone_carriage_return() {
    assert_eq!(Description::parse("line 1\r\nline 2\r\n").unwrap().as_str(), "line 1\nline 2\n");
    assert_eq!(Reason::parse("\r\nline 1\r\nline 2\r\n").unwrap().as_str(), "line 1\nline 2");
    assert_eq!(Description::parse(&"\r\n".repeat(20_000)).unwrap().as_str().len(), 20_000);
    for bad in ["line 1\rline 2", "line 1\r", "\n\r", "line 1\r\r\n"] {
        assert!(Description::parse(bad).is_err() && Reason::parse(&format!("{bad} and more")).is_err(), "{bad:?}");
    }
}

#[test]
fn titles_and_references_are_one_line() {
    for bad in ["a\nb", "a\tb", "a\r\nb", "a\u{85}b", "a\u{2028}b", "é\u{2029}"] {
        assert!(Title::parse(bad).is_err() && Reference::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_title_reference_or_reason_of_invisible_characters_is_blank() {
    let invisible =
        "\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{200b}\u{200d}\u{2060}\u{2800}\u{3164}\u{feff}\u{ffa0}\u{e0020}";
    for character in invisible.chars() {
        let text = format!(" {}", character.to_string().repeat(20));
        assert!(Title::parse(&text).is_err() && Reference::parse(&text).is_err(), "{text:?}");
        assert!(Reason::parse(&text).is_err(), "{text:?}");
        assert!(Reason::parse(&format!("{text} nine chr {text}")).is_err(), "{text:?}");
        assert!(Title::parse(&format!("a{character}b")).is_ok(), "{character:?}");
    }
}

#[test]
fn bidirectional_overrides_are_allowed_in_descriptions_only() {
    for character in "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
        let text = format!("approved {character}txt.exe by the auditor");
        assert!(Title::parse(&text).is_err() && Reference::parse(&text).is_err(), "{text:?}");
        assert!(Reason::parse(&text).is_err(), "{text:?}");
        assert!(Description::parse(&text).is_ok(), "a description may quote source code: {text:?}");
    }
    assert!(Title::parse("\u{200f}שלום\u{200e}").is_ok());
}

/// Fails unless the pattern of the rule says the same of each text as the rule does.
fn check_pattern<R: Rule>(texts: impl IntoIterator<Item = String>) {
    let pattern = regex::Regex::new(R::PATTERN).unwrap();
    for text in texts {
        assert_eq!(Text::<R>::parse(&text).is_ok(), pattern.is_match(&text), "{text:?} against {}", R::PATTERN);
    }
}

#[test]
fn every_pattern_describes_the_characters_that_its_rule_allows() {
    let around = |before: &'static str, after: &'static str| {
        let characters = ('\0'..='\u{2100}').chain('\u{fe00}'..='\u{ffff}');
        characters.map(move |character| format!("{before}{character}{after}"))
    };
    check_pattern::<RecordKeyRule>(around("a", "b"));
    check_pattern::<VersionKeyRule>(around("a", "b"));
    check_pattern::<TitleRule>(around("a", "b"));
    check_pattern::<ReferenceRule>(around("a", "b"));
    check_pattern::<SlugRule>(around("a", "b"));
    check_pattern::<DecimalRule>(around("1", "1"));
    let lines = ["line 1\r\nand line 2", "a reason\r of two lines"].map(str::to_owned);
    check_pattern::<DescriptionRule>(around("a", "b").chain(lines.clone()));
    check_pattern::<ReasonRule>(around("a reason ", "that is long enough").chain(lines));
    check_pattern::<SlugRule>(["-a", "a-", "", "a", "aa"].map(str::to_owned));
    check_pattern::<DecimalRule>(["1.", ".1", "-1", "-1.5", ""].map(str::to_owned));
    check_pattern::<EmailRule>(["ann@example.com", "a@b@c", "a @b", "a@", "@bc"].map(str::to_owned));
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

#[test]
fn a_title_reference_or_reason_of_marks_without_a_character_to_carry_them_is_blank() {
    for mark in ["\u{301}", "\u{20dd}", "\u{1d159}", "\u{13430}", "\u{93f}"] {
        let text = mark.repeat(20);
        assert!(Title::parse(&text).is_err() && Reference::parse(&text).is_err(), "{text:?}");
        assert!(Reason::parse(&text).is_err(), "{text:?}");
    }
    for text in ["e\u{301}", "नि", "\u{1f525}\u{fe0f}", "1\u{20e3}"] {
        assert!(Title::parse(text).is_ok(), "{text:?}");
    }
}
