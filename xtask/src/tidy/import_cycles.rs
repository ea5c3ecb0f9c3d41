//! The rule that the modules of a crate import each other without cycles.
//!
//! A parent and its children may import each other: that is how a module is split. Siblings, each with everything below
//! it, must form no cycle, so that a reader can take them in one order.

mod imports;
mod modules;

use std::collections::{BTreeMap, BTreeSet};

use super::{Violation, tree::Tree};
use modules::{Crate, ModulePath};

/// Cycles that remain, as (crate, module, module) of one import each that would have to go. The list may only shrink.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // The tenant is a record itself, and every record and audit entry names its tenant.
    ("kernel", "resource", "organization"),
    ("kernel", "entry", "organization"),
    ("kernel", "idempotency", "organization"),
];

pub(super) fn modules_import_without_cycles(tree: &Tree) -> Vec<Violation> {
    check(tree, EXCEPTIONS)
}

fn check(tree: &Tree, exceptions: &[(&str, &str, &str)]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut unused: BTreeSet<_> = exceptions.iter().copied().collect();
    for krate in Crate::all(tree) {
        let mut siblings: BTreeMap<ModulePath, Imports> = BTreeMap::new();
        for (importer, path, line) in krate.imports() {
            let target = krate.resolve(&importer, &path);
            let Some((parent, from, to)) = split_at_common_parent(&importer, &target) else { continue };
            let exception = exceptions.iter().find(|(name, one, other)| {
                *name == krate.name && *one == importer.join("::") && *other == target.join("::")
            });
            if let Some(exception) = exception {
                unused.remove(exception);
                continue;
            }
            siblings.entry(parent).or_default().entry(from).or_default().entry(to).or_insert((importer, line));
        }
        for (parent, imports) in siblings {
            violations.extend(cycles(&imports).into_iter().map(|cycle| report(&krate, &parent, &imports, &cycle)));
        }
    }
    violations.extend(unused.into_iter().map(|(name, from, to)| {
        Violation::in_file(
            "xtask/src/tidy/import_cycles.rs",
            format!("{name} no longer needs the exception {from} → {to}"),
        )
    }));
    violations
}

/// For each importing sibling the siblings it imports, each with the module and line of one such import.
type Imports = BTreeMap<String, BTreeMap<String, (ModulePath, usize)>>;

/// The deepest module above both, and its two children towards them; `None` if one of the two is above the other.
fn split_at_common_parent(one: &[String], other: &[String]) -> Option<(ModulePath, String, String)> {
    let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    Some((one[..common].to_vec(), one.get(common)?.clone(), other.get(common)?.clone()))
}

/// One shortest cycle through each group of siblings that import each other.
fn cycles(imports: &Imports) -> Vec<Vec<String>> {
    let mut reported = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in imports.keys() {
        if reported.contains(start) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(imports, start) {
            reported.extend(cycle.iter().cloned());
            cycles.push(cycle);
        }
    }
    cycles
}

fn shortest_cycle(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut paths = vec![vec![start.to_owned()]];
    let mut visited = BTreeSet::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            let last = path.last()?;
            for next in imports.get(last).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    return Some(path);
                }
                if visited.insert(next.clone()) {
                    longer.push(path.iter().cloned().chain([next.clone()]).collect());
                }
            }
        }
        paths = longer;
    }
    None
}

fn report(krate: &Crate<'_>, parent: &[String], imports: &Imports, cycle: &[String]) -> Violation {
    let mut steps = Vec::new();
    let mut first = None;
    for (index, from) in cycle.iter().enumerate() {
        let to = &cycle[(index + 1) % cycle.len()];
        if let Some((module, line)) = imports.get(from).and_then(|targets| targets.get(to)) {
            let path = krate.path_of(module);
            steps.push(format!("{from} → {to} ({path}:{line})"));
            first.get_or_insert((path.to_owned(), *line));
        }
    }
    let (path, line) = first.unwrap_or_default();
    let within = if parent.is_empty() { "the crate".to_owned() } else { parent.join("::") };
    Violation::at_line(&path, line, format!("modules of {within} import each other: {}", steps.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(files: &[(&str, &str)], exceptions: &[(&str, &str, &str)]) -> Vec<String> {
        check(&Tree::from_files(files), exceptions).iter().map(ToString::to_string).collect()
    }

    const CYCLE: &[(&str, &str)] = &[
        ("crates/a/src/lib.rs", "mod one;\nmod two;\npub use two::{Two, inner};"),
        ("crates/a/src/one.rs", "use crate::{Two, std};\npub struct One;"),
        ("crates/a/src/two.rs", "pub mod inner;\npub struct Two;"),
        ("crates/a/src/two/inner.rs", "fn f(_: super::super::one::One) {}"),
    ];

    #[test]
    fn siblings_that_import_each_other_are_reported_through_reexports_and_children() {
        assert_eq!(
            texts(CYCLE, &[]),
            ["crates/a/src/one.rs:1: modules of the crate import each other: \
              one → two (crates/a/src/one.rs:1), two → one (crates/a/src/two/inner.rs:1)"]
        );
    }

    #[test]
    fn an_exception_allows_one_import_and_is_reported_when_it_is_no_longer_needed() {
        assert_eq!(texts(CYCLE, &[("a", "two::inner", "one")]), [""; 0]);
        assert_eq!(
            texts(&CYCLE[..1], &[("a", "two::inner", "one")]),
            ["xtask/src/tidy/import_cycles.rs: a no longer needs the exception two::inner → one"]
        );
    }

    #[test]
    fn a_parent_and_its_children_may_import_each_other_and_tests_may_import_anything() {
        let files = [
            ("crates/a/src/lib.rs", "mod one;\nmod two;\nuse one::One;"),
            (
                "crates/a/src/one.rs",
                "mod part;\nuse part::Part;\npub struct One;\n#[cfg(test)] mod tests { use crate::two::Two; }",
            ),
            ("crates/a/src/one/part.rs", "use super::One;\npub struct Part;"),
            ("crates/a/src/two.rs", "use crate::one::One;\npub struct Two;"),
        ];
        assert_eq!(texts(&files, &[]), [""; 0]);
    }
}
