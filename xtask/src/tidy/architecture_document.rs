//! The rule that `docs/architecture.md` names only what exists.

use std::collections::HashSet;

use super::{Violation, tree::Tree};

const DOCUMENT: &str = "docs/architecture.md";

/// The folders whose paths the document spells out.
const FOLDERS: &[&str] = &["crates/", "docs/", "migrations/", "xtask/"];

/// The fewest underscores in a test's name, which is a sentence. Other functions have shorter names.
const MIN_UNDERSCORES_OF_A_TEST: usize = 4;

/// Reports every path, test and identifier in backticks that the repository does not have.
pub(super) fn names_exist(tree: &Tree) -> Vec<Violation> {
    let mut words = HashSet::new();
    let mut functions = HashSet::new();
    // The suite's cases have no `fn` of their own in the crates that run them, but they have one in the suite.
    for file in tree.sources() {
        let mut previous = "";
        for word in file.text.split(|c: char| !is_identifier_character(c)).filter(|word| !word.is_empty()) {
            words.insert(word);
            if previous == "fn" {
                functions.insert(word);
            }
            previous = word;
        }
    }
    let exists = |path: &str| {
        let folder = format!("{}/", path.trim_end_matches('/'));
        tree.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    };
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| file.path == DOCUMENT) {
        for (index, line) in file.text.lines().enumerate() {
            for code in line.split('`').skip(1).step_by(2) {
                let message = if FOLDERS.iter().any(|folder| code.starts_with(folder)) {
                    (!exists(code)).then(|| format!("the path {code} does not exist"))
                } else if is_test_name(code) {
                    (!functions.contains(code)).then(|| format!("the test {code} does not exist"))
                } else {
                    let missing = identifiers(code).find(|identifier| !words.contains(identifier));
                    missing.map(|identifier| format!("no source contains {identifier}"))
                };
                violations.extend(message.map(|message| Violation::at_line(DOCUMENT, index + 1, message)));
            }
        }
    }
    violations
}

fn is_test_name(code: &str) -> bool {
    code.matches('_').count() >= MIN_UNDERSCORES_OF_A_TEST
        && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The identifiers of a Rust path such as `Ledger::commit`; none if the code is anything else: a command, a header.
fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    let is_path = code.split("::").all(|part| !part.is_empty() && part.chars().all(is_identifier_character));
    let is_rust = is_path && (code.contains("::") || code.contains('_') || has_inner_capital(code));
    code.split("::").filter(move |_| is_rust)
}

fn has_inner_capital(code: &str) -> bool {
    code.chars().skip(1).any(|c| c.is_ascii_uppercase()) && code.chars().any(|c| c.is_ascii_lowercase())
}

fn is_identifier_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_test_or_identifier_that_does_not_exist_is_reported() {
        let document = "`crates/a/src/lib.rs` and `crates/a`, `crates/b`\n\
            `one_key_has_one_effect`, `one_key_has_no_effect`, `called_once_here_and_there`\n\
            `Ledger::commit`, `Ledger::store`, `MAX_LINES`, `X-As-Of`, `cargo xtask tidy`, `kernel`";
        let source = "trait Ledger { fn commit(); }\nfn one_key_has_one_effect() { called_once_here_and_there() }\n\
            const MAX_LINES: usize = 1;";
        let tree = Tree::from_files(&[(DOCUMENT, document), ("crates/a/src/lib.rs", source)]);
        let texts: Vec<String> = names_exist(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "docs/architecture.md:1: the path crates/b does not exist",
                "docs/architecture.md:2: the test one_key_has_no_effect does not exist",
                "docs/architecture.md:2: the test called_once_here_and_there does not exist",
                "docs/architecture.md:3: no source contains store",
            ]
        );
    }
}
