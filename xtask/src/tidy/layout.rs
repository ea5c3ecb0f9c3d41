//! Rules about which files exist and what they are called.

use std::collections::BTreeSet;

use super::{Violation, tree::Tree};

/// The files and folders that may be at the top of the repository.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "migrations",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "xtask",
];

/// File names that describe no content, and `mod`, which would be the name of every second file.
const MEANINGLESS_NAMES: &[&str] =
    &["mod", "common", "data", "helper", "helpers", "info", "manager", "misc", "util", "utils"];

const ENGINES: [&str; 2] = ["/postgres/", "/sqlite/"];

pub(super) fn top_level_is_a_table_of_contents(tree: &Tree) -> Vec<Violation> {
    let names: BTreeSet<&str> = tree.files.iter().filter_map(|file| file.path.split('/').next()).collect();
    let others = names.into_iter().filter(|name| !TOP.contains(name));
    others.map(|name| Violation::in_file(name, "does not belong at the top of the repository")).collect()
}

pub(super) fn file_names_describe_their_content(tree: &Tree) -> Vec<Violation> {
    tree.sources()
        .filter(|file| {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            // Cargo would take `tests/support.rs` for a test of its own.
            let shared_by_tests = name == "mod.rs" && folder.rsplit('/').nth(1) == Some("tests");
            !shared_by_tests && name.strip_suffix(".rs").is_some_and(|name| MEANINGLESS_NAMES.contains(&name))
        })
        .map(|file| {
            Violation::in_file(
                &file.path,
                "name the file after its content (and put `foo.rs` beside `foo/`, not into it)",
            )
        })
        .collect()
}

pub(super) fn engines_have_the_same_migrations(tree: &Tree) -> Vec<Violation> {
    let migrations: BTreeSet<&str> = tree
        .files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| path.contains("migrations/") && path.ends_with(".sql"))
        .collect();
    let [postgres, sqlite] = ENGINES;
    let counterpart = |path: &str| {
        if path.contains(postgres) { path.replace(postgres, sqlite) } else { path.replace(sqlite, postgres) }
    };
    migrations
        .iter()
        .filter(|path| !migrations.contains(counterpart(path).as_str()))
        .map(|path| Violation::in_file(path, format!("the other engine lacks {}", counterpart(path))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.path.as_str()).collect()
    }

    #[test]
    fn an_unexpected_top_level_file_is_reported() {
        let tree =
            Tree::from_files(&[("README.md", ""), ("crates/kernel/src/lib.rs", ""), ("notes.txt", ""), ("tmp/x", "")]);
        assert_eq!(paths(&top_level_is_a_table_of_contents(&tree)), ["notes.txt", "tmp"]);
    }

    #[test]
    fn a_meaningless_file_name_is_reported() {
        let tree = Tree::from_files(&[
            ("crates/http/src/resources/mod.rs", ""),
            ("crates/http/src/utils.rs", ""),
            ("crates/http/src/module.rs", ""),
            ("crates/server/tests/support/mod.rs", ""),
        ]);
        assert_eq!(
            paths(&file_names_describe_their_content(&tree)),
            ["crates/http/src/resources/mod.rs", "crates/http/src/utils.rs"]
        );
    }

    #[test]
    fn a_migration_that_one_engine_lacks_is_reported() {
        let tree = Tree::from_files(&[
            ("migrations/postgres/0001_first.sql", ""),
            ("migrations/sqlite/0001_first.sql", ""),
            ("migrations/sqlite/0002_second.sql", ""),
        ]);
        let violations = engines_have_the_same_migrations(&tree);
        assert_eq!(
            violations,
            [Violation::in_file(
                "migrations/sqlite/0002_second.sql",
                "the other engine lacks migrations/postgres/0002_second.sql"
            )]
        );
    }
}
