//! Service accounts: how they are opened and changed, and what the audit log and the stores get of them.

use auth::{AccountError, AccountFilter, AccountLimits, AccountStatus, SecretHash, ServiceAccount, StoredSecret};
use kernel::{AuditFields, Criteria, Email, FieldValue, Resource, Timestamp, Title};
use scopes::{Scope, ScopeSet};

use crate::support::{EXPIRY, millis, scopes, service_account, stored};

fn open(scopes: ScopeSet, expires_at: Option<Timestamp>) -> Result<ServiceAccount, AccountError> {
    let name = Title::parse("scanner").unwrap();
    ServiceAccount::open(name, None, scopes, expires_at, SecretHash::new("first"), millis(5000))
}

#[test]
fn a_new_account_is_active_and_has_one_secret_that_does_not_end() {
    let account = open(scopes(&[Scope::FindingsRead]), None).unwrap();
    assert_eq!(account.status, AccountStatus::Active);
    assert_eq!(account.scopes, scopes(&[Scope::FindingsRead]));
    assert_eq!(account.secrets, [StoredSecret { hash: SecretHash::new("first"), expires_at: None }]);
    assert_eq!(account.limits, AccountLimits { reads: None, writes: None });
}

#[test]
fn an_account_without_a_scope_can_neither_be_opened_nor_be_made() {
    assert_eq!(open(ScopeSet::EMPTY, None), Err(AccountError::NoScope));
    assert_eq!(service_account().with_scopes(ScopeSet::EMPTY), Err(AccountError::NoScope));
}

#[test]
fn the_expiry_of_a_new_account_must_be_in_the_future() {
    assert_eq!(open(ScopeSet::all(), Some(millis(4999))), Err(AccountError::ExpiryInPast));
    assert_eq!(open(ScopeSet::all(), Some(millis(5000))), Err(AccountError::ExpiryInPast));
    assert_eq!(open(ScopeSet::all(), Some(millis(5001))).unwrap().expires_at, Some(millis(5001)));
}

#[test]
fn an_account_is_active_until_it_expires_or_is_disabled() {
    let account = service_account();
    assert!(account.is_active_at(millis(999_999)));
    assert!(!account.is_active_at(EXPIRY));
    assert!(ServiceAccount { expires_at: None, ..account.clone() }.is_active_at(Timestamp::MAX));
    assert!(!account.with_status(AccountStatus::Disabled).is_active_at(millis(0)));
}

#[test]
fn a_disabled_account_can_be_made_active_again() {
    let disabled = service_account().with_status(AccountStatus::Disabled);
    assert_eq!(disabled.with_status(AccountStatus::Active), service_account());
}

#[test]
fn a_change_of_scopes_replaces_them_and_changes_nothing_else() {
    let account = service_account();
    let changed = account.with_scopes(scopes(&[Scope::AuditRead])).unwrap();
    assert_eq!(changed, ServiceAccount { scopes: scopes(&[Scope::AuditRead]), ..account });
}

#[test]
fn a_rate_limit_of_zero_is_refused_for_reads_and_for_writes() {
    for (reads, writes) in
        [(Some(0), None), (None, Some(0)), (Some(0), Some(1)), (Some(1), Some(0)), (Some(0), Some(0))]
    {
        let changed = service_account().with_limits(AccountLimits { reads, writes });
        assert_eq!(changed, Err(AccountError::ZeroLimit), "reads {reads:?}, writes {writes:?}");
    }
}

#[test]
fn a_rate_limit_may_be_one_call_or_be_left_to_the_installation() {
    for (reads, writes) in [(Some(1), Some(1)), (Some(6000), None), (None, Some(600)), (None, None)] {
        let limits = AccountLimits { reads, writes };
        assert_eq!(service_account().with_limits(limits).unwrap(), ServiceAccount { limits, ..service_account() });
    }
}

#[test]
fn a_status_is_found_by_its_own_name_only() {
    for (status, name) in [(AccountStatus::Active, "active"), (AccountStatus::Disabled, "disabled")] {
        assert_eq!(status.name(), name);
        assert_eq!(AccountStatus::from_name(name), Some(status));
    }
    assert_eq!(AccountStatus::from_name("Active"), None);
    assert_eq!(AccountStatus::from_name(""), None);
}

#[test]
fn the_audit_log_gets_every_field_but_no_secret() {
    let account = ServiceAccount {
        contact: Some(Email::parse("owner@example.com").unwrap()),
        scopes: scopes(&[Scope::AuditRead, Scope::FindingsRead]),
        secrets: vec![
            StoredSecret { hash: SecretHash::new("second"), expires_at: None },
            StoredSecret { hash: SecretHash::new("first"), expires_at: Some(millis(60_000)) },
        ],
        limits: AccountLimits { reads: Some(600), writes: None },
        ..service_account()
    };
    let text = |text: &str| FieldValue::Text(text.to_owned());
    assert_eq!(
        account.fields(),
        [
            ("name", text("scanner")),
            ("contact", text("owner@example.com")),
            ("scopes", FieldValue::Texts(vec!["governance.findings:read".to_owned(), "audit:read".to_owned()])),
            ("status", text("active")),
            ("expires_at", text("1970-01-01T00:16:40.000Z")),
            ("previous_secret_ends_at", text("1970-01-01T00:01:00.000Z")),
            ("read_limit", FieldValue::Integer(600)),
            ("write_limit", FieldValue::Null),
        ]
    );
}

#[test]
fn the_name_of_an_account_is_its_unique_key() {
    assert_eq!(service_account().unique_key(), Some("scanner"));
}

#[test]
fn a_list_contains_disabled_and_expired_accounts_too() {
    let disabled = service_account().with_status(AccountStatus::Disabled);
    let expired = ServiceAccount { expires_at: Some(Timestamp::MIN), ..service_account() };
    for account in [service_account(), disabled, expired] {
        assert!(AccountFilter.matches(&stored(account)));
    }
}

#[test]
fn another_expiry_must_be_in_the_future_and_the_same_one_is_kept() {
    let contact = Some(Email::parse("ops@prairielakes.example").unwrap());
    let account = ServiceAccount { expires_at: Some(millis(100)), ..service_account() };
    let changed = account.with_details(contact.clone(), Some(millis(100)), millis(200)).unwrap();
    assert_eq!(changed, ServiceAccount { contact: contact.clone(), ..account.clone() });
    assert_eq!(account.with_details(contact.clone(), Some(millis(200)), millis(200)), Err(AccountError::ExpiryInPast));
    assert_eq!(account.with_details(None, None, millis(200)).unwrap().expires_at, None);
}
