//! Accounts and times that the tests share.

use std::time::Duration;

use auth::{Account, AccountId, SecretHash, ServiceAccount};
use kernel::{Id, OrganizationId, Revision, Stored, Timestamp, Title};
use scopes::{Scope, ScopeSet};
use ulid::Ulid;

pub(crate) const ACCOUNT: AccountId = Id::new(Ulid(1));
pub(crate) const ORGANIZATION: OrganizationId = Id::new(Ulid(2));

/// The time at which accounts of these tests expire.
pub(crate) const EXPIRY: Timestamp = Timestamp::from_millis(1_000_000);

pub(crate) fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    millis(0) + Duration::from_secs(seconds)
}

pub(crate) fn scopes(scopes: &[Scope]) -> ScopeSet {
    scopes.iter().copied().collect()
}

/// An active account with all scopes and the secret hash `first`.
pub(crate) fn service_account() -> ServiceAccount {
    let name = Title::parse("scanner").unwrap();
    ServiceAccount::open(name, None, ScopeSet::all(), Some(EXPIRY), SecretHash::new("first"), millis(0)).unwrap()
}

/// The account as a store returns it, after some changes.
pub(crate) fn stored(record: ServiceAccount) -> Account {
    let mut account = Stored::new(ORGANIZATION, ACCOUNT, millis(0), record);
    account.meta.revision = Revision(7);
    account
}

/// The hashes of the secrets that are valid at this time.
pub(crate) fn valid_secrets(account: &ServiceAccount, now: Timestamp) -> Vec<&str> {
    account.valid_secrets(now).map(SecretHash::as_str).collect()
}
