//! The catalogue: names by which tokens and requests refer to scopes.

use std::collections::BTreeSet;

use scopes::{Scope, UnknownScope};

#[test]
fn every_scope_is_found_by_its_name_and_displayed_by_it() {
    for scope in Scope::ALL {
        assert_eq!(scope.name().parse(), Ok(*scope));
        assert_eq!(scope.to_string(), scope.name());
    }
}

#[test]
fn every_name_is_a_resource_and_an_action_and_no_two_scopes_share_one() {
    for scope in Scope::ALL {
        let (resource, action) = scope.name().split_once(':').unwrap();
        assert!(["read", "write", "manage"].contains(&action), "{scope}");
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '-' || letter == '.';
        assert!(!resource.is_empty() && resource.chars().all(is_plain), "{scope}");
    }
    let names: BTreeSet<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    assert_eq!(names.len(), Scope::ALL.len());
}

#[test]
fn a_text_that_is_not_exactly_the_name_of_a_scope_is_refused_with_the_text() {
    for text in ["", "audit", "audit:write", "Audit:read", " audit:read", "audit:read,assets:read"] {
        assert_eq!(text.parse::<Scope>(), Err(UnknownScope(text.to_owned())));
    }
    assert_eq!(UnknownScope("audit:write".to_owned()).to_string(), "there is no scope \"audit:write\"");
}
