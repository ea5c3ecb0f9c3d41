//! Rules about words: how documentation begins and which words code may use.

use proc_macro2::{TokenStream, TokenTree};

use super::{Violation, sources::QUOTING_TESTS, tree::Tree};

/// Openings that leave a doc comment without a subject: "What it costs." names nothing.
const HEADLESS_OPENINGS: &[&str] = &["What", "Whatever", "Who", "Whoever", "Whom", "Whose", "However"];

pub(super) fn doc_comments_have_a_subject(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.sources().filter(|file| !file.path.starts_with(QUOTING_TESTS)) {
        let mut in_comment = false;
        for (index, line) in file.text.lines().enumerate() {
            let text = doc_comment(line);
            let opening = text.filter(|_| !in_comment).and_then(|text| text.split_whitespace().next());
            let word = opening.map(|word| word.trim_end_matches(|c: char| !c.is_alphabetic()));
            if let Some(word) = word.filter(|word| HEADLESS_OPENINGS.contains(word)) {
                let message = format!(
                    "a doc comment must not open with {word:?}: begin with a noun phrase or a verb (\"Returns …\")"
                );
                violations.push(Violation::at_line(&file.path, index + 1, message));
            }
            in_comment = text.is_some_and(|text| !text.is_empty());
        }
    }
    violations
}

/// The text of a line of documentation.
fn doc_comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim)
}

/// Words that had several private senses in this code, so that a reader had to find out which.
const AMBIGUOUS_WORDS: &[&str] = &["told", "known", "place", "places", "standing", "lane", "lanes"];

/// Names from outside that contain one of these words: functions of libraries, a parameter of Argon2, and the table
/// `webhook_lanes` of released migrations.
const OUTSIDE_NAMES: &[&str] = &[
    "block_in_place",
    "open_in_place",
    "seal_in_place_separate_tag",
    "well_known",
    "lanes",
    "LANES",
    "MAX_LANES",
    "WEBHOOK_LANES",
];

pub(super) fn names_use_no_ambiguous_word(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.sources().filter(|file| !file.path.starts_with(QUOTING_TESTS)) {
        // A file that does not parse is the compiler's to refuse.
        let tokens = file.text.parse::<TokenStream>().unwrap_or_default();
        for (name, line) in names(tokens) {
            let word = words(&name).find(|word| AMBIGUOUS_WORDS.contains(&word.as_str()));
            if let Some(word) = word.filter(|_| !OUTSIDE_NAMES.contains(&name.as_str())) {
                let message = format!("{name} contains the ambiguous word {word:?}: take the standard term");
                violations.push(Violation::at_line(&file.path, line, message));
            }
        }
    }
    violations
}

/// Every name in the code with its line; neither comments nor texts.
fn names(tokens: TokenStream) -> Vec<(String, usize)> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(name) => vec![(name.to_string(), name.span().start().line)],
            TokenTree::Group(group) => names(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
        })
        .collect()
}

/// The words of a name in lower case: `is_known`, `IsKnown` and `IS_KNOWN` have `is` and `known`.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut was_lower_case = false;
    for character in name.chars() {
        if character == '_' || (character.is_uppercase() && was_lower_case) {
            words.push(String::new());
        }
        was_lower_case = character.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| character != '_') {
            word.extend(character.to_lowercase());
        }
    }
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_that_opens_without_a_subject_is_reported() {
        let text = "//! What this is.\n\n/// Who calls.\nfn a() {}\n/// The caller.\n/// What follows is no opening.\n\
                    ///\n/// However, a paragraph is one.\n// What is no doc comment.\n/// Whatsoever.\n";
        let tree = Tree::from_files(&[("crates/a/src/a.rs", text)]);
        let lines: Vec<_> = doc_comments_have_a_subject(&tree).iter().filter_map(|violation| violation.line).collect();
        assert_eq!(lines, [1, 3, 8]);
    }

    #[test]
    fn a_name_with_an_ambiguous_word_is_reported() {
        let text = "// told\nfn is_known() { unknown(\"place\"); }\nstruct LaneRow;\nconst MAX_LANES: u8 = Standing;\n\
                    macro_rules! m { () => { replace_in_place } }";
        let tree = Tree::from_files(&[("crates/a/src/a.rs", text)]);
        let lines: Vec<_> = names_use_no_ambiguous_word(&tree).iter().filter_map(|violation| violation.line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
    }
}
