//! Rules about what sources say.

use super::{
    Breach,
    manifests::DOMAIN,
    tree::{File, Tree},
};

const MOST_LINES: usize = 400;

/// What is written here as an example of what may not be written.
const SAMPLES: &str = "xtask/src/tidy/";

/// Where databases are told apart: their connections, and their addresses.
const KNOWING: &[&str] = &["crates/store-sql/src/engine", "crates/store-sql/src/location/"];

pub(super) fn files_are_short(tree: &Tree) -> Vec<Breach> {
    tree.sources()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| {
            Breach::of(&file.path, format!("{lines} lines: past {MOST_LINES}, something wants to move out"))
        })
        .collect()
}

pub(super) fn crates_say_what_they_are(tree: &Tree) -> Vec<Breach> {
    tree.sources()
        .filter(|file| file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs"))
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| Breach::of(&file.path, "begins without saying what the crate is (`//!`)"))
        .collect()
}

pub(super) fn no_test_is_left_out(tree: &Tree) -> Vec<Breach> {
    let said = "a test runs, and holds what it says by an assertion";
    lines(tree, |_, line| ["#[ignore", "#[should_panic"].iter().any(|word| line.contains(word)), said)
}

pub(super) fn nothing_is_put_off(tree: &Tree) -> Vec<Breach> {
    let put_off =
        |comment: &str| ["TODO", "FIXME", "XXX", "HACK", "for now"].iter().any(|word| has_word(comment, word));
    lines(
        tree,
        |_, line| line.split_once("//").is_some_and(|(_, comment)| put_off(comment)),
        "do it, or write it where open work is kept",
    )
}

pub(super) fn tests_do_not_sleep(tree: &Tree) -> Vec<Breach> {
    let sleeps = |line: &str| ["sleep(", "sleep_until("].iter().any(|call| begins_a_word(line, call));
    lines(tree, |in_test, line| in_test && sleeps(line), "a test waits for what it waits for, not for the clock")
}

pub(super) fn only_the_engine_knows_a_driver(tree: &Tree) -> Vec<Breach> {
    let said = "only store-sql's engine knows a database's driver";
    let drivers = ["tokio_postgres::", "rusqlite::"];
    let mut breaches =
        lines(tree, |in_test, line| !in_test && drivers.iter().any(|driver| line.contains(driver)), said);
    breaches.retain(|breach| {
        let path = breach.path.as_str();
        path.starts_with("crates/store-sql/src/") && !KNOWING.iter().any(|knowing| path.starts_with(knowing))
    });
    breaches
}

pub(super) fn domain_reads_no_surroundings(tree: &Tree) -> Vec<Breach> {
    let said = "the domain reads no files and no environment";
    let mut breaches = lines(
        tree,
        |in_test, line| !in_test && ["std::env", "std::fs", "std::process"].iter().any(|module| line.contains(module)),
        said,
    );
    breaches.retain(|breach| {
        let room = breach.path.strip_prefix("crates/").and_then(|path| path.split('/').next());
        room.is_some_and(|room| DOMAIN.contains(&room))
    });
    breaches
}

/// The lines that break a rule, which is told whether they belong to a test.
fn lines(tree: &Tree, breaks: impl Fn(bool, &str) -> bool, says: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in tree.sources().filter(|file| !file.path.starts_with(SAMPLES)) {
        let mut in_test = is_test(file);
        for (index, line) in file.text.lines().enumerate() {
            in_test |= line.trim() == "#[cfg(test)]";
            if breaks(in_test, line) {
                breaches.push(Breach { path: file.path.clone(), line: Some(index + 1), says: says.to_owned() });
            }
        }
    }
    breaches
}

/// Whether the whole file is a test; others have theirs at the end.
fn is_test(file: &File) -> bool {
    file.text.lines().any(|line| line == "#![cfg(test)]")
        || file.path.contains("/tests/")
        || file.path.ends_with("/tests.rs")
        || file.krate() == Some("store-contract")
}

fn begins_a_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(is_of_a_word))
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_of_a_word) && !after.starts_with(is_of_a_word)
    })
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(breaches: &[Breach]) -> Vec<String> {
        breaches.iter().map(|breach| format!("{}:{}", breach.path, breach.line.unwrap_or(0))).collect()
    }

    #[test]
    fn a_long_file_is_named() {
        let tree = Tree::of(&[("crates/a/src/a.rs", &"\n".repeat(401)), ("crates/a/src/b.rs", &"\n".repeat(400))]);
        assert_eq!(said(&files_are_short(&tree)), ["crates/a/src/a.rs:0"]);
    }

    #[test]
    fn a_crate_that_does_not_say_what_it_is_is_named() {
        let tree = Tree::of(&[("crates/a/src/lib.rs", "mod a;"), ("crates/b/src/main.rs", "//! A.")]);
        assert_eq!(said(&crates_say_what_they_are(&tree)), ["crates/a/src/lib.rs:0"]);
    }

    #[test]
    fn a_test_that_is_left_out_is_named() {
        let tree = Tree::of(&[("crates/a/src/a.rs", "#[test]\n#[ignore = \"slow\"]"), ("a.rs", "#[should_panic]")]);
        assert_eq!(said(&no_test_is_left_out(&tree)), ["crates/a/src/a.rs:2", "a.rs:1"]);
    }

    #[test]
    fn work_that_is_put_off_is_named() {
        let tree = Tree::of(&[(
            "a.rs",
            "// TODO: later\nlet a = 1; // good for now\n// TODOS are a table\nlet s = \"for now\";",
        )]);
        assert_eq!(said(&nothing_is_put_off(&tree)), ["a.rs:1", "a.rs:2"]);
    }

    #[test]
    fn a_test_that_sleeps_is_named() {
        let tree = Tree::of(&[
            (
                "crates/a/src/a.rs",
                "time::sleep(x).await;\nfn oversleep() {}\n#[cfg(test)]\nmod tests {\n    sleep(x).await;",
            ),
            ("crates/a/tests/b.rs", "oversleep();\ntokio::time::sleep_until(x)"),
        ]);
        assert_eq!(said(&tests_do_not_sleep(&tree)), ["crates/a/src/a.rs:5", "crates/a/tests/b.rs:2"]);
    }

    #[test]
    fn sql_that_is_vouched_for_outside_the_engine_is_named() {
        let tree = Tree::of(&[
            ("crates/store-sql/src/engine/postgres.rs", "use tokio_postgres::Client;"),
            ("crates/store-sql/src/reader.rs", "use tokio_postgres::Client;"),
            ("crates/store-sql/tests/contract.rs", "use tokio_postgres::Client;"),
        ]);
        assert_eq!(said(&only_the_engine_knows_a_driver(&tree)), ["crates/store-sql/src/reader.rs:1"]);
    }

    #[test]
    fn a_domain_crate_that_looks_around_is_named() {
        let tree = Tree::of(&[
            ("crates/kernel/src/a.rs", "use std::fs;\n#[cfg(test)]\nuse std::env;"),
            ("crates/server/src/main.rs", "use std::env;"),
        ]);
        assert_eq!(said(&domain_reads_no_surroundings(&tree)), ["crates/kernel/src/a.rs:1"]);
    }
}
