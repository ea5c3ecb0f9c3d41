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
            "no scope of {CATALOGUE} covers {}. Add this line to its `scopes!`, and run the command again:\n\n{}\n\
             If the register belongs under a path that has a scope, pass that path instead, for example: \
             cargo xtask new-register asset /assets",
            names.path,
            missing_scope(&names.path)
        )
    })
}

/// The line that the catalogue lacks for a path that it does not cover. A module in `/governance/` has a scope of its
/// own; elsewhere one scope covers the first segment.
fn missing_scope(path: &str) -> String {
    let segments: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    let count = if segments[0] == "governance" { segments.len().min(2) } else { 1 };
    let resource = segments[count - 1];
    let scope_variant: String = resource.split('-').map(super::capitalized).collect();
    format!(
        "    {scope_variant}Read = \"{}:read\", \"Read {}.\";\n",
        segments[..count].join("."),
        resource.replace('-', " ")
    )
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

    #[test]
    fn the_line_of_a_missing_scope_is_one_that_covers_the_path() {
        let cases = [
            ("/api/v1/governance/obligations", "ObligationsRead"),
            ("/api/v1/governance/legal-holds/notices", "LegalHoldsRead"),
            ("/api/v1/change-management/freezes", "ChangeManagementRead"),
        ];
        for (path, scope_variant) in cases {
            let line = missing_scope(path);
            let found = from_catalogue(path, &line).map(|found| found.scope_variant);
            assert_eq!(found.as_deref(), Some(scope_variant), "{line}");
        }
        assert_eq!(
            missing_scope("/api/v1/governance/obligations"),
            "    ObligationsRead = \"governance.obligations:read\", \"Read obligations.\";\n"
        );
    }
}
