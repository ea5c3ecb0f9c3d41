//! Rules about words: how documentation begins and which words code may use.

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
}
