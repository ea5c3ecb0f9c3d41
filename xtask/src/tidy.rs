//! `cargo xtask tidy`: the rules of the house that no compiler and no lint knows.

mod layout;
mod manifests;
mod portable;
mod sources;
mod tree;

use std::fmt;

use tree::Tree;

use crate::{Outcome, root};

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    path: String,
    /// From 1; none where it is about the whole file.
    line: Option<usize>,
    says: String,
}

/// Finds what breaks it.
type Rule = fn(&Tree) -> Vec<Breach>;

const RULES: &[Rule] = &[
    layout::top_level_is_a_table_of_contents,
    layout::no_file_is_called_after_nothing,
    layout::engines_have_the_same_migrations,
    manifests::domain_knows_no_adapter,
    manifests::versions_live_in_the_root,
    manifests::lints_live_in_the_root,
    portable::migrations_are_portable,
    portable::statements_hold_no_lock_beyond_rows,
    sources::files_are_short,
    sources::crates_say_what_they_are,
    sources::no_test_is_left_out,
    sources::nothing_is_put_off,
    sources::tests_do_not_sleep,
    sources::only_the_engine_knows_a_driver,
    sources::domain_reads_no_surroundings,
];

pub(crate) fn tidy() -> Outcome {
    let tree = Tree::read(root()).map_err(|error| error.to_string())?;
    let breaches: Vec<Breach> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    for breach in &breaches {
        eprintln!("{breach}");
    }
    if breaches.is_empty() { Ok(()) } else { Err(format!("{} places break a rule of the house", breaches.len())) }
}

impl Breach {
    fn of(path: &str, says: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, says: says.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.says),
            None => write!(f, "{}: {}", self.path, self.says),
        }
    }
}
