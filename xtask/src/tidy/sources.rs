//! Rules about the text of source files.

use super::{
    Violation,
    manifests::DOMAIN,
    tree::{File, Tree},
};

const MAX_LINES: usize = 400;

/// The rules' own tests quote the text that the rules forbid.
pub(super) const QUOTING_TESTS: &str = "xtask/src/tidy/";

/// The only code that distinguishes databases: their connections and their addresses.
const DATABASE_SPECIFIC: &str = "crates/store-sql/src/engine";

pub(super) fn files_are_short(tree: &Tree) -> Vec<Violation> {
    tree.sources()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| {
            Violation::in_file(
                &file.path,
                format!("{lines} lines: more than {MAX_LINES}; move a part of it to a file of its own"),
            )
        })
        .collect()
}

pub(super) fn crates_are_documented(tree: &Tree) -> Vec<Violation> {
    tree.sources()
        .filter(|file| file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs"))
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| Violation::in_file(&file.path, "must begin with a description of the crate (`//!`)"))
        .collect()
}

pub(super) fn no_test_is_skipped(tree: &Tree) -> Vec<Violation> {
    let message = "every test must run, and must prove its claim by an assertion";
    lines(tree, |_, line| ["#[ignore", "#[should_panic"].iter().any(|word| line.contains(word)), message)
}

pub(super) fn no_work_is_deferred(tree: &Tree) -> Vec<Violation> {
    let is_deferred =
        |comment: &str| ["TODO", "FIXME", "XXX", "HACK", "for now"].iter().any(|word| has_word(comment, word));
    lines(
        tree,
        |_, line| line.split_once("//").is_some_and(|(_, comment)| is_deferred(comment)),
        "finish the work now, or file an issue",
    )
}

pub(super) fn tests_do_not_sleep(tree: &Tree) -> Vec<Violation> {
    let sleeps = |line: &str| ["sleep(", "sleep_until("].iter().any(|call| starts_a_word(line, call));
    lines(
        tree,
        |in_test, line| in_test && sleeps(line),
        "a test must wait for a condition with a deadline, not for time to pass",
    )
}

pub(super) fn only_the_engine_uses_a_driver(tree: &Tree) -> Vec<Violation> {
    let message = "only the engine of store-sql may use a database driver";
    let drivers = ["tokio_postgres::", "rusqlite::"];
    let mut violations =
        lines(tree, |in_test, line| !in_test && drivers.iter().any(|driver| line.contains(driver)), message);
    violations.retain(|violation| {
        let path = violation.path.as_str();
        path.starts_with("crates/store-sql/src/") && !path.starts_with(DATABASE_SPECIFIC)
    });
    violations
}

pub(super) fn domain_reads_no_environment(tree: &Tree) -> Vec<Violation> {
    let message = "a domain crate must not read files, the environment or processes";
    let mut violations = lines(
        tree,
        |in_test, line| !in_test && ["std::env", "std::fs", "std::process"].iter().any(|module| line.contains(module)),
        message,
    );
    violations.retain(|violation| {
        let name = violation.path.strip_prefix("crates/").and_then(|path| path.split('/').next());
        name.is_some_and(|name| DOMAIN.contains(&name))
    });
    violations
}

/// The lines for which `is_violation` holds; its first argument says whether the line belongs to a test.
fn lines(tree: &Tree, is_violation: impl Fn(bool, &str) -> bool, message: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.sources().filter(|file| !file.path.starts_with(QUOTING_TESTS)) {
        let mut in_test = is_test(file);
        for (index, line) in file.text.lines().enumerate() {
            in_test |= line.trim() == "#[cfg(test)]";
            if is_violation(in_test, line) {
                violations.push(Violation::at_line(&file.path, index + 1, message));
            }
        }
    }
    violations
}

/// Whether the whole file is a test. Other files have their tests at the end.
fn is_test(file: &File) -> bool {
    file.text.lines().any(|line| line == "#![cfg(test)]")
        || file.path.contains("/tests/")
        || file.path.ends_with("/tests.rs")
        || file.crate_folder() == Some("store-contract")
}

fn starts_a_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_word_character))
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_word_character) && !after.starts_with(is_word_character)
    })
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(violations: &[Violation]) -> Vec<String> {
        violations.iter().map(|violation| format!("{}:{}", violation.path, violation.line.unwrap_or(0))).collect()
    }

    #[test]
    fn a_long_file_is_reported() {
        let tree =
            Tree::from_files(&[("crates/a/src/a.rs", &"\n".repeat(401)), ("crates/a/src/b.rs", &"\n".repeat(400))]);
        assert_eq!(positions(&files_are_short(&tree)), ["crates/a/src/a.rs:0"]);
    }

    #[test]
    fn a_crate_without_a_description_is_reported() {
        let tree = Tree::from_files(&[("crates/a/src/lib.rs", "mod a;"), ("crates/b/src/main.rs", "//! A.")]);
        assert_eq!(positions(&crates_are_documented(&tree)), ["crates/a/src/lib.rs:0"]);
    }

    #[test]
    fn a_skipped_test_is_reported() {
        let tree =
            Tree::from_files(&[("crates/a/src/a.rs", "#[test]\n#[ignore = \"slow\"]"), ("a.rs", "#[should_panic]")]);
        assert_eq!(positions(&no_test_is_skipped(&tree)), ["crates/a/src/a.rs:2", "a.rs:1"]);
    }

    #[test]
    fn deferred_work_is_reported() {
        let tree = Tree::from_files(&[(
            "a.rs",
            "// TODO: later\nlet a = 1; // good for now\n// TODOS are a table\nlet s = \"for now\";",
        )]);
        assert_eq!(positions(&no_work_is_deferred(&tree)), ["a.rs:1", "a.rs:2"]);
    }

    #[test]
    fn a_test_that_sleeps_is_reported() {
        let tree = Tree::from_files(&[
            (
                "crates/a/src/a.rs",
                "time::sleep(x).await;\nfn oversleep() {}\n#[cfg(test)]\nmod tests {\n    sleep(x).await;",
            ),
            ("crates/a/tests/b.rs", "oversleep();\ntokio::time::sleep_until(x)"),
        ]);
        assert_eq!(positions(&tests_do_not_sleep(&tree)), ["crates/a/src/a.rs:5", "crates/a/tests/b.rs:2"]);
    }

    #[test]
    fn a_driver_outside_the_engine_is_reported() {
        let tree = Tree::from_files(&[
            ("crates/store-sql/src/engine/postgres.rs", "use tokio_postgres::Client;"),
            ("crates/store-sql/src/ports/reader.rs", "use tokio_postgres::Client;"),
            ("crates/store-sql/tests/contract.rs", "use tokio_postgres::Client;"),
        ]);
        assert_eq!(positions(&only_the_engine_uses_a_driver(&tree)), ["crates/store-sql/src/ports/reader.rs:1"]);
    }

    #[test]
    fn a_domain_crate_that_reads_the_environment_is_reported() {
        let tree = Tree::from_files(&[
            ("crates/kernel/src/a.rs", "use std::fs;\n#[cfg(test)]\nuse std::env;"),
            ("crates/server/src/main.rs", "use std::env;"),
        ]);
        assert_eq!(positions(&domain_reads_no_environment(&tree)), ["crates/kernel/src/a.rs:1"]);
    }
}
