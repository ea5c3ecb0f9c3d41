//! Rules about the dependencies of crates.

use toml::{Table, Value};

use super::{
    Violation,
    tree::{File, Tree},
};

/// The domain crates.
pub(super) const DOMAIN: &[&str] = &[
    "kernel",
    "scopes",
    "auth",
    "audit",
    "limits",
    "findings",
    "evidence",
    "submissions",
    "registers",
    "webhooks",
    "store",
];

/// Libraries that bring a database, a protocol, a runtime or a format.
const INFRASTRUCTURE: &[&str] = &[
    "axum",
    "hyper",
    "reqwest",
    "rusqlite",
    "sea-query",
    "serde",
    "serde_json",
    "tokio",
    "tokio-postgres",
    "toml",
    "tracing",
];

/// The sections of a manifest that the crate itself is built from. Tests may use any library.
const BUILD_SECTIONS: &[&str] = &["dependencies", "build-dependencies"];

const ALL_SECTIONS: &[&str] = &["dependencies", "build-dependencies", "dev-dependencies"];

pub(super) fn domain_depends_on_no_adapter(tree: &Tree) -> Vec<Violation> {
    let crates: Vec<&str> = tree.manifests().filter_map(File::crate_folder).collect();
    let adapter = |name: &str| crates.contains(&name) && !DOMAIN.contains(&name);
    tree.manifests()
        .filter(|manifest| manifest.crate_folder().is_some_and(|name| DOMAIN.contains(&name)))
        .flat_map(|manifest| {
            dependencies(manifest, BUILD_SECTIONS)
                .into_iter()
                .filter(|(name, _)| INFRASTRUCTURE.contains(&name.as_str()) || adapter(name))
                .map(|(name, _)| {
                    Violation::in_file(&manifest.path, format!("a domain crate must not depend on {name}"))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn versions_live_in_the_root(tree: &Tree) -> Vec<Violation> {
    tree.manifests()
        .flat_map(|manifest| {
            dependencies(manifest, ALL_SECTIONS)
                .into_iter()
                .filter(|(_, requirement)| requirement.get("workspace").is_none() && requirement.get("path").is_none())
                .map(|(name, _)| {
                    Violation::in_file(&manifest.path, format!("{name}: declare its version in the root manifest"))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn lints_live_in_the_root(tree: &Tree) -> Vec<Violation> {
    let shared = |manifest: &File| {
        table(manifest).get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    tree.manifests()
        .filter(|manifest| !shared(manifest))
        .map(|manifest| Violation::in_file(&manifest.path, "[lints] workspace = true is missing"))
        .collect()
}

fn dependencies(manifest: &File, sections: &[&str]) -> Vec<(String, Value)> {
    let table = table(manifest);
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(&table).chain(targets.filter_map(Value::as_table));
    let listed = tables.flat_map(|table| sections.iter().filter_map(|section| table.get(*section)?.as_table()));
    listed.flatten().map(|(name, requirement)| (name.clone(), requirement.clone())).collect()
}

/// Invalid TOML reads as an empty table, since Cargo itself refuses such a manifest.
fn table(manifest: &File) -> Table {
    manifest.text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(violations: &[Violation]) -> Vec<String> {
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_domain_crate_that_depends_on_an_adapter_is_reported() {
        let tree = Tree::from_files(&[
            ("crates/findings/Cargo.toml", "[dependencies]\nkernel.workspace = true\ncrypto.workspace = true"),
            ("crates/kernel/Cargo.toml", "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true"),
            ("crates/crypto/Cargo.toml", "[dependencies]\ntokio.workspace = true"),
            ("crates/audit/Cargo.toml", "[dev-dependencies]\nserde_json.workspace = true"),
        ]);
        assert_eq!(
            texts(&domain_depends_on_no_adapter(&tree)),
            [
                "crates/findings/Cargo.toml: a domain crate must not depend on crypto",
                "crates/kernel/Cargo.toml: a domain crate must not depend on tokio",
            ]
        );
    }

    #[test]
    fn a_version_outside_the_root_manifest_is_reported() {
        let tree = Tree::from_files(&[
            ("crates/http/Cargo.toml", "[dev-dependencies]\ninsta = \"1\"\naxum = { workspace = true, features = [] }"),
            ("Cargo.toml", "[workspace.dependencies]\ninsta = \"1\""),
        ]);
        assert_eq!(
            texts(&versions_live_in_the_root(&tree)),
            ["crates/http/Cargo.toml: insta: declare its version in the root manifest"]
        );
    }

    #[test]
    fn a_crate_without_the_shared_lints_is_reported() {
        let tree = Tree::from_files(&[
            ("xtask/Cargo.toml", "[package]"),
            ("crates/http/Cargo.toml", "[lints]\nworkspace = true"),
        ]);
        assert_eq!(texts(&lints_live_in_the_root(&tree)), ["xtask/Cargo.toml: [lints] workspace = true is missing"]);
    }
}
