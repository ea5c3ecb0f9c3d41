//! The admission of a call by the claims of its token and the current state of the account.

use std::sync::Arc;

use auth::{Account, AccountStatus, AuthorizationError, Caller, Claims, ServiceAccount};
use kernel::{Actor, ActorKind, Id, Kind, Revision, Timestamp};
use scopes::{Scope, ScopeSet};
use ulid::Ulid;

use crate::support::{ACCOUNT, EXPIRY, ORGANIZATION, millis, scopes, service_account, stored};

/// The claims of a token of the account with all scopes.
fn claims() -> Claims {
    Claims {
        account: ACCOUNT,
        organization: ORGANIZATION,
        scopes: ScopeSet::all(),
        issued_at: millis(0),
        expires_at: millis(900_000),
        id: "jti".to_owned(),
    }
}

fn authorize(claims: &Claims, account: Account, now: Timestamp) -> Result<Caller, AuthorizationError> {
    Caller::authorize(claims, Arc::new(account), now)
}

/// The scopes of a call with a token of these scopes, of an account with those scopes.
fn scopes_of_a_call(token: &[Scope], account: &[Scope]) -> ScopeSet {
    let claims = Claims { scopes: scopes(token), ..claims() };
    let account = service_account().with_scopes(scopes(account)).unwrap();
    authorize(&claims, stored(account), millis(1)).unwrap().scopes
}

#[test]
fn an_active_account_is_admitted_with_the_scopes_of_its_token() {
    let account = stored(service_account());
    let caller = authorize(&claims(), account.clone(), millis(1)).unwrap();
    assert_eq!(*caller.account, account);
    assert_eq!(caller.scopes, ScopeSet::all());
}

#[test]
fn a_disabled_account_is_refused_with_a_token_that_was_issued_before() {
    let disabled = stored(service_account().with_status(AccountStatus::Disabled));
    assert_eq!(authorize(&claims(), disabled, millis(1)).unwrap_err(), AuthorizationError::InactiveAccount);
}

#[test]
fn an_account_is_refused_from_the_millisecond_of_its_expiry_on() {
    assert!(authorize(&claims(), stored(service_account()), millis(EXPIRY.millis() - 1)).is_ok());
    for now in [EXPIRY, Timestamp::MAX] {
        let refused = authorize(&claims(), stored(service_account()), now);
        assert_eq!(refused.unwrap_err(), AuthorizationError::InactiveAccount);
    }
}

#[test]
fn a_token_of_another_account_or_another_organization_is_refused() {
    let other_account = Claims { account: Id::new(Ulid(3)), ..claims() };
    let other_organization = Claims { organization: Id::new(Ulid(3)), ..claims() };
    for claims in [other_account, other_organization] {
        let refused = authorize(&claims, stored(service_account()), millis(1));
        assert_eq!(refused.unwrap_err(), AuthorizationError::InactiveAccount);
    }
}

#[test]
fn a_narrowed_token_has_fewer_scopes_than_its_account() {
    use Scope::{ControlsRead, FindingsRead, FindingsWrite};
    let granted = scopes_of_a_call(&[FindingsRead], &[ControlsRead, FindingsRead, FindingsWrite]);
    assert_eq!(granted, scopes(&[FindingsRead]));
}

#[test]
fn a_scope_removed_from_the_account_no_longer_counts_in_its_tokens() {
    use Scope::{AuditRead, ControlsRead, FindingsRead};
    let granted = scopes_of_a_call(&[ControlsRead, FindingsRead], &[FindingsRead, AuditRead]);
    assert_eq!(granted, scopes(&[FindingsRead]), "a scope that the account got later is not in its older tokens");
    assert_eq!(scopes_of_a_call(&[ControlsRead], &[AuditRead]), ScopeSet::EMPTY);
}

#[test]
fn a_caller_without_the_required_scope_is_refused_with_the_name_of_the_scope() {
    let caller = Caller {
        account: Arc::new(stored(service_account())),
        scopes: scopes(&[Scope::FindingsWrite, Scope::AuditRead]),
    };
    assert_eq!(caller.require_scope(Scope::FindingsWrite), Ok(()));
    assert_eq!(caller.require_scope(Scope::AuditRead), Ok(()));
    let refused = caller.require_scope(Scope::FindingsRead).unwrap_err();
    assert_eq!(refused, AuthorizationError::MissingScope(Scope::FindingsRead));
    assert_eq!(refused.to_string(), "the scope governance.findings:read is required");
}

#[test]
fn a_commit_checks_the_revision_that_the_caller_was_authorized_with() {
    let caller = authorize(&claims(), stored(service_account()), millis(1)).unwrap();
    let checked = caller.actor_revision();
    assert_eq!((checked.kind, checked.id, checked.revision), (Kind::ServiceAccount, ACCOUNT.ulid(), Revision(7)));
}

#[test]
fn audit_entries_name_the_account_as_their_actor() {
    let renamed = ServiceAccount { name: kernel::Title::parse("Nightly scan").unwrap(), ..service_account() };
    let caller = authorize(&claims(), stored(renamed), millis(1)).unwrap();
    let expected = Actor {
        kind: ActorKind::ServiceAccount,
        id: Some("svc_00000000000000000000000001".into()),
        name: "Nightly scan".into(),
    };
    assert_eq!(caller.actor(), expected);
    assert_eq!(auth::actor(&caller.account), expected);
}
