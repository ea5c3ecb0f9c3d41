//! Rules about what crates depend on.

use toml::{Table, Value};

use super::{
    Breach,
    tree::{File, Tree},
};

/// The rooms that hold the rules of the business, as far as they have been moved into.
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

/// What knows a database, a protocol, a runtime or a format.
const FOREIGN: &[&str] = &[
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

/// The sections of a manifest that decide what a crate is built from; tests may use what they like.
const BUILT_FROM: &[&str] = &["dependencies", "build-dependencies"];

const ALL: &[&str] = &["dependencies", "build-dependencies", "dev-dependencies"];

pub(super) fn domain_knows_no_adapter(tree: &Tree) -> Vec<Breach> {
    let rooms: Vec<&str> = tree.manifests().filter_map(File::krate).collect();
    let adapter = |name: &str| rooms.contains(&name) && !DOMAIN.contains(&name);
    tree.manifests()
        .filter(|manifest| manifest.krate().is_some_and(|krate| DOMAIN.contains(&krate)))
        .flat_map(|manifest| {
            dependencies(manifest, BUILT_FROM)
                .into_iter()
                .filter(|(name, _)| FOREIGN.contains(&name.as_str()) || adapter(name))
                .map(|(name, _)| Breach::of(&manifest.path, format!("the domain does not depend on {name}")))
                .collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn versions_live_in_the_root(tree: &Tree) -> Vec<Breach> {
    tree.manifests()
        .flat_map(|manifest| {
            dependencies(manifest, ALL)
                .into_iter()
                .filter(|(_, how)| how.get("workspace").is_none() && how.get("path").is_none())
                .map(|(name, _)| {
                    Breach::of(&manifest.path, format!("{name}: its version goes into the root's manifest"))
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

pub(super) fn lints_live_in_the_root(tree: &Tree) -> Vec<Breach> {
    let shared = |manifest: &File| {
        table(manifest).get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    tree.manifests()
        .filter(|manifest| !shared(manifest))
        .map(|manifest| Breach::of(&manifest.path, "[lints] workspace = true is missing"))
        .collect()
}

fn dependencies(manifest: &File, sections: &[&str]) -> Vec<(String, Value)> {
    let table = table(manifest);
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(&table).chain(targets.filter_map(Value::as_table));
    let listed = tables.flat_map(|table| sections.iter().filter_map(|section| table.get(*section)?.as_table()));
    listed.flatten().map(|(name, how)| (name.clone(), how.clone())).collect()
}

/// A manifest that is not TOML is cargo's to refuse.
fn table(manifest: &File) -> Table {
    manifest.text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(breaches: &[Breach]) -> Vec<String> {
        breaches.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_domain_crate_that_depends_on_an_adapter_is_named() {
        let tree = Tree::of(&[
            ("crates/findings/Cargo.toml", "[dependencies]\nkernel.workspace = true\ncrypto.workspace = true"),
            ("crates/kernel/Cargo.toml", "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true"),
            ("crates/crypto/Cargo.toml", "[dependencies]\ntokio.workspace = true"),
            ("crates/audit/Cargo.toml", "[dev-dependencies]\nserde_json.workspace = true"),
        ]);
        assert_eq!(
            said(&domain_knows_no_adapter(&tree)),
            [
                "crates/findings/Cargo.toml: the domain does not depend on crypto",
                "crates/kernel/Cargo.toml: the domain does not depend on tokio",
            ]
        );
    }

    #[test]
    fn a_version_outside_the_root_is_named() {
        let tree = Tree::of(&[
            ("crates/http/Cargo.toml", "[dev-dependencies]\ninsta = \"1\"\naxum = { workspace = true, features = [] }"),
            ("Cargo.toml", "[workspace.dependencies]\ninsta = \"1\""),
        ]);
        assert_eq!(
            said(&versions_live_in_the_root(&tree)),
            ["crates/http/Cargo.toml: insta: its version goes into the root's manifest"]
        );
    }

    #[test]
    fn a_crate_without_the_shared_lints_is_named() {
        let tree =
            Tree::of(&[("xtask/Cargo.toml", "[package]"), ("crates/http/Cargo.toml", "[lints]\nworkspace = true")]);
        assert_eq!(said(&lints_live_in_the_root(&tree)), ["xtask/Cargo.toml: [lints] workspace = true is missing"]);
    }
}
