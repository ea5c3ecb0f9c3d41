//! The scope and the tag of a register's endpoints, derived from its path and the catalogue of scopes.

use std::fs;

use super::Names;
use crate::{Outcome, root};

const CATALOGUE: &str = "crates/scopes/src/catalogue.rs";

/// The properties of a register's endpoints.
#[derive(Debug, PartialEq)]
pub(super) struct Endpoint {
    /// `governance.risks:read`
    pub(super) scope: String,
    /// `RisksRead`: its variant.
    pub(super) scope_variant: String,
    /// The group of operations in the API document: `Risks`.
    pub(super) tag: String,
}

/// Returns the properties of the register's endpoints.
///
/// # Errors
/// If no scope covers its path.
pub(super) fn of(names: &Names) -> Outcome<Endpoint> {
    let catalogue = fs::read_to_string(root().join(CATALOGUE)).map_err(|error| format!("{CATALOGUE}: {error}"))?;
    from_catalogue(&names.path, &catalogue).ok_or_else(|| {
        format!(
            "no scope of {CATALOGUE} covers {}: add the scope, or pass the path, for example: \
             cargo xtask new-register asset /assets",
            names.path
        )
    })
}

/// The scope of a path is named after its first segments: `/governance/evidence/claims` is read with
/// `governance.evidence:read`.
fn from_catalogue(path: &str, catalogue: &str) -> Option<Endpoint> {
    let segments: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    (1..=segments.len()).rev().find_map(|count| {
        let scope = format!("{}:read", segments[..count].join("."));
        let line = catalogue.lines().find(|line| line.contains(&format!("= \"{scope}\"")))?;
        let scope_variant = line.trim().split(' ').next()?.to_owned();
        Some(Endpoint { scope, scope_variant, tag: super::capitalized(&segments[count - 1].replace('-', " ")) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_and_the_tag_follow_from_the_path() {
        let catalogue = "    EvidenceRead = \"governance.evidence:read\", \"Read.\";\n    \
                         PartyRead = \"party-engagements:read\", \"Read.\";\n";
        let found = |path: &str| from_catalogue(path, catalogue).map(|found| (found.scope_variant, found.tag));
        let expected = |variant: &str, tag: &str| Some((variant.to_owned(), tag.to_owned()));
        assert_eq!(found("/api/v1/governance/evidence/claims"), expected("EvidenceRead", "Evidence"));
        assert_eq!(found("/api/v1/party-engagements/reviews"), expected("PartyRead", "Party engagements"));
        assert_eq!(found("/api/v1/governance/risks"), None);
    }
}
