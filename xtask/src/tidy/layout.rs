//! Rules about which files there are.

use std::collections::BTreeSet;

use super::{Breach, tree::Tree};

/// What may lie at the top of the repository.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitattributes",
    ".gitignore",
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

/// Names that say nothing of what is inside; and `mod`, which would be the name of every second file.
const EMPTY_NAMES: &[&str] =
    &["mod", "common", "data", "helper", "helpers", "info", "manager", "misc", "util", "utils"];

const ENGINES: [&str; 2] = ["/postgres/", "/sqlite/"];

pub(super) fn top_level_is_a_table_of_contents(tree: &Tree) -> Vec<Breach> {
    let names: BTreeSet<&str> = tree.files.iter().filter_map(|file| file.path.split('/').next()).collect();
    let others = names.into_iter().filter(|name| !TOP.contains(name));
    others.map(|name| Breach::of(name, "does not belong at the top of the repository")).collect()
}

pub(super) fn no_file_is_called_after_nothing(tree: &Tree) -> Vec<Breach> {
    tree.sources()
        .filter(|file| {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            // Cargo would take `tests/support.rs` for a test of its own.
            let shared_by_tests = name == "mod.rs" && folder.rsplit('/').nth(1) == Some("tests");
            !shared_by_tests && name.strip_suffix(".rs").is_some_and(|name| EMPTY_NAMES.contains(&name))
        })
        .map(|file| {
            Breach::of(&file.path, "name the file after what it holds (and `foo.rs` goes beside `foo/`, not into it)")
        })
        .collect()
}

pub(super) fn engines_have_the_same_migrations(tree: &Tree) -> Vec<Breach> {
    let migrations: BTreeSet<&str> = tree
        .files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| path.contains("migrations/") && path.ends_with(".sql"))
        .collect();
    let [postgres, sqlite] = ENGINES;
    let twin = |path: &str| {
        if path.contains(postgres) { path.replace(postgres, sqlite) } else { path.replace(sqlite, postgres) }
    };
    migrations
        .iter()
        .filter(|path| !migrations.contains(twin(path).as_str()))
        .map(|path| Breach::of(path, format!("has no twin {}", twin(path))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(breaches: &[Breach]) -> Vec<&str> {
        breaches.iter().map(|breach| breach.path.as_str()).collect()
    }

    #[test]
    fn a_stranger_at_the_top_is_named() {
        let tree = Tree::of(&[("README.md", ""), ("crates/kernel/src/lib.rs", ""), ("notes.txt", ""), ("tmp/x", "")]);
        assert_eq!(paths(&top_level_is_a_table_of_contents(&tree)), ["notes.txt", "tmp"]);
    }

    #[test]
    fn a_name_that_says_nothing_is_named() {
        let tree = Tree::of(&[
            ("crates/http/src/resources/mod.rs", ""),
            ("crates/http/src/utils.rs", ""),
            ("crates/http/src/module.rs", ""),
            ("crates/server/tests/support/mod.rs", ""),
        ]);
        assert_eq!(
            paths(&no_file_is_called_after_nothing(&tree)),
            ["crates/http/src/resources/mod.rs", "crates/http/src/utils.rs"]
        );
    }

    #[test]
    fn a_migration_without_its_twin_is_named() {
        let tree = Tree::of(&[
            ("migrations/postgres/0001_first.sql", ""),
            ("migrations/sqlite/0001_first.sql", ""),
            ("migrations/sqlite/0002_second.sql", ""),
        ]);
        let breaches = engines_have_the_same_migrations(&tree);
        assert_eq!(
            breaches,
            [Breach::of("migrations/sqlite/0002_second.sql", "has no twin migrations/postgres/0002_second.sql")]
        );
    }
}
