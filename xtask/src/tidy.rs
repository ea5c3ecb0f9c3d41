//! `cargo xtask tidy`: the project's own rules, which neither the compiler nor a lint checks.

mod architecture_document;
mod import_cycles;
mod layout;
mod manifests;
mod portable;
mod sources;
mod tree;
mod vocabulary;

use std::fmt;

use tree::Tree;

use crate::{Outcome, root};

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    path: String,
    /// Counted from 1; `None` when the rule is about the whole file.
    line: Option<usize>,
    message: String,
}

/// Returns every violation of one rule in the tree.
type Rule = fn(&Tree) -> Vec<Violation>;

const RULES: &[Rule] = &[
    import_cycles::modules_import_without_cycles,
    layout::top_level_is_a_table_of_contents,
    layout::file_names_describe_their_content,
    layout::engines_have_the_same_migrations,
    manifests::domain_depends_on_no_adapter,
    manifests::versions_live_in_the_root,
    manifests::lints_live_in_the_root,
    portable::migrations_are_portable,
    portable::statements_are_portable,
    sources::files_are_short,
    sources::crates_are_documented,
    sources::no_test_is_skipped,
    sources::no_work_is_deferred,
    sources::tests_do_not_sleep,
    sources::only_the_engine_uses_a_driver,
    sources::domain_reads_no_environment,
    vocabulary::doc_comments_have_a_subject,
    vocabulary::names_use_no_ambiguous_word,
    architecture_document::names_exist,
];

pub(crate) fn tidy() -> Outcome {
    let tree = Tree::read(root()).map_err(|error| error.to_string())?;
    let violations: Vec<Violation> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    for violation in &violations {
        eprintln!("{violation}");
    }
    if violations.is_empty() { Ok(()) } else { Err(format!("{} violations of the project's rules", violations.len())) }
}

impl Violation {
    fn in_file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into() }
    }

    fn at_line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}
