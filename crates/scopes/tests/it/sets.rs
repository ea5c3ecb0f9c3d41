//! Sets of scopes: their text form and their operations.

use scopes::{Scope, ScopeSet, UnknownScope};

fn set(scopes: &[Scope]) -> ScopeSet {
    scopes.iter().copied().collect()
}

#[test]
fn a_formatted_set_parses_to_the_same_set() {
    for set in [ScopeSet::EMPTY, set(&[Scope::AuditRead]), ScopeSet::all()] {
        assert_eq!(set.to_string().parse(), Ok(set));
    }
}

#[test]
fn a_set_is_formatted_in_the_order_of_the_catalogue_with_single_spaces() {
    let set = set(&[Scope::AuditRead, Scope::ControlsRead, Scope::FindingsWrite]);
    assert_eq!(set.to_string(), "governance.controls:read governance.findings:write audit:read");
    assert_eq!(format!("{set:?}"), "{governance.controls:read governance.findings:write audit:read}");
}

#[test]
fn the_scopes_of_a_request_may_be_in_any_order_with_repetitions_and_more_spaces() {
    let requested = "  audit:read assets:read  audit:read ".parse();
    assert_eq!(requested, Ok(set(&[Scope::AssetsRead, Scope::AuditRead])));
}

#[test]
fn a_set_with_an_unknown_scope_is_refused_with_its_name() {
    let refused = "governance.findings:read nonsense:read".parse::<ScopeSet>();
    assert_eq!(refused, Err(UnknownScope("nonsense:read".to_owned())));
}

#[test]
fn each_scope_is_a_member_of_its_own_set_and_of_no_other() {
    for scope in Scope::ALL {
        let members: Vec<Scope> = set(&[*scope]).iter().collect();
        assert_eq!(members, [*scope]);
    }
}

#[test]
fn a_scope_that_is_added_twice_is_still_a_member() {
    assert_eq!(set(&[Scope::AuditRead, Scope::AuditRead]), set(&[Scope::AuditRead]));
}

#[test]
fn the_set_of_all_scopes_has_the_whole_catalogue() {
    assert!(ScopeSet::all().iter().eq(Scope::ALL.iter().copied()));
}

#[test]
fn a_write_scope_does_not_imply_its_read_scope() {
    let write = set(&[Scope::FindingsWrite]);
    assert!(!write.contains(Scope::FindingsRead));
    assert!(!write.contains_all(set(&[Scope::FindingsRead])));
    assert_eq!(write.intersection(set(&[Scope::FindingsRead])), ScopeSet::EMPTY);
}

#[test]
fn a_request_for_more_than_an_account_has_is_not_contained_in_its_scopes() {
    use Scope::{AssetsRead, AuditRead, FindingsRead};
    let account = set(&[FindingsRead, AuditRead]);
    for requested in [&[][..], &[FindingsRead], &[AuditRead], &[FindingsRead, AuditRead]] {
        assert!(account.contains_all(set(requested)), "{requested:?}");
    }
    for requested in [&[AssetsRead][..], &[FindingsRead, AssetsRead], &[FindingsRead, AssetsRead, AuditRead]] {
        assert!(!account.contains_all(set(requested)), "{requested:?}");
    }
}

#[test]
fn an_intersection_has_the_scopes_that_both_sets_have() {
    use Scope::{AssetsRead, AuditRead, FindingsRead};
    let common = set(&[FindingsRead, AuditRead]).intersection(set(&[AuditRead, AssetsRead]));
    assert_eq!(common, set(&[AuditRead]));
}

#[test]
fn only_the_set_without_any_scope_is_empty() {
    assert!(ScopeSet::EMPTY.is_empty());
    assert!(ScopeSet::default().is_empty());
    assert!(Scope::ALL.iter().all(|scope| !set(&[*scope]).is_empty()));
}
