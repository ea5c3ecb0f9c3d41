//! Service accounts: records like others, changed by an operator, judged on every call.

use std::time::Duration;

use kernel::{Criteria, Email, FieldValue, Fields, Id, Kind, Named, Resource, Stored, Timestamp, Title};
use scopes::ScopeSet;

use crate::secret::SecretHash;

/// The identity of one integration: a name, what it may do, until when, and the hashes of its live secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceAccount {
    /// What people call it; unique in its organization.
    pub name: Title,
    /// Whom to write to about it.
    pub contact: Option<Email>,
    /// What it may do at most; a token may hold less.
    pub scopes: ScopeSet,
    /// Whether it may call at all.
    pub status: AccountStatus,
    /// From when on it counts as disabled.
    pub expires_at: Option<Timestamp>,
    /// The live secrets, newest first: one, or two within a rotation's grace.
    pub secrets: Vec<StoredSecret>,
    /// Rate limits of its own.
    pub limits: AccountLimits,
}

/// Names a service account; with its prefix it is the `client_id`.
pub type AccountId = Id<ServiceAccount>;

/// A service account as it is stored.
pub type Account = Stored<ServiceAccount>;

/// Whether a service account may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It may, until it expires.
    Active,
    /// It may not; tokens it holds fail on their next use.
    Disabled,
}

/// A secret the account may still prove itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its hash; the secret itself is kept nowhere.
    pub hash: SecretHash,
    /// When its grace ends; `None` for the current one.
    pub ends_at: Option<Timestamp>,
}

/// Rate limits that differ from the installation's, in calls a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Reads; the installation's figure where `None`.
    pub reads: Option<u32>,
    /// Writes; the installation's figure where `None`.
    pub writes: Option<u32>,
}

/// Why a change to an account is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// The grace of a rotation is longer than [`ServiceAccount::MAX_GRACE`].
    #[error("the grace window may be at most 7 days")]
    GraceTooLong,
    /// The account would have expired already.
    #[error("the expiry lies in the past")]
    ExpiryPassed,
    /// The account would be of no use.
    #[error("at least one scope is needed")]
    NoScope,
    /// A limit of nothing a minute would lock the account out by accident.
    #[error("a rate limit is at least 1 a minute; disable the account to stop it")]
    LimitOfNothing,
}

impl Named for ServiceAccount {
    const PREFIX: &'static str = "svc";
}

/// Service accounts are few: they are listed whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter;

impl Criteria<ServiceAccount> for AccountFilter {
    fn matches(&self, _: &Account) -> bool {
        true
    }
}

impl Resource for ServiceAccount {
    const KIND: Kind = Kind::ServiceAccount;
    type Filter = AccountFilter;

    fn unique_key(&self) -> Option<&str> {
        Some(self.name.as_str())
    }
}

impl Fields for ServiceAccount {
    /// Of its secrets only that there is an earlier one, and until when.
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let limit = |limit: Option<u32>| limit.map_or(FieldValue::Null, |limit| FieldValue::Integer(limit.into()));
        vec![
            ("name", FieldValue::Text(self.name.to_string())),
            ("contact", self.contact.as_ref().into()),
            ("scopes", FieldValue::Texts(self.scopes.iter().map(|scope| scope.name().to_owned()).collect())),
            ("status", FieldValue::Text(self.status.name().to_owned())),
            ("expires_at", self.expires_at.into()),
            ("previous_secret_ends_at", self.secrets.iter().find_map(|secret| secret.ends_at).into()),
            ("read_limit", limit(self.limits.reads)),
            ("write_limit", limit(self.limits.writes)),
        ]
    }
}

impl AccountStatus {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// The status with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|status| status.name() == name)
    }
}

impl ServiceAccount {
    /// The longest grace a rotation may leave the old secret.
    pub const MAX_GRACE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// A new, active account.
    ///
    /// # Errors
    /// [`AccountRefusal::NoScope`], [`AccountRefusal::ExpiryPassed`].
    pub fn open(
        name: Title,
        contact: Option<Email>,
        scopes: ScopeSet,
        expires_at: Option<Timestamp>,
        secret: SecretHash,
        now: Timestamp,
    ) -> Result<Self, AccountRefusal> {
        if scopes.is_empty() {
            return Err(AccountRefusal::NoScope);
        }
        if expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(AccountRefusal::ExpiryPassed);
        }
        Ok(Self {
            name,
            contact,
            scopes,
            status: AccountStatus::Active,
            expires_at,
            secrets: vec![StoredSecret { hash: secret, ends_at: None }],
            limits: AccountLimits::default(),
        })
    }

    /// Whether it may call at `now`.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.status == AccountStatus::Active && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// The secrets it may prove itself with at `now`.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretHash> {
        self.secrets.iter().filter(move |secret| secret.ends_at.is_none_or(|end| now < end)).map(|secret| &secret.hash)
    }

    /// The same account with a new secret. The one before stays good for `grace`, any older one ends at once, so that at
    /// most two are ever live.
    ///
    /// # Errors
    /// [`AccountRefusal::GraceTooLong`].
    pub fn rotated(&self, secret: SecretHash, grace: Duration, now: Timestamp) -> Result<Self, AccountRefusal> {
        if grace > Self::MAX_GRACE {
            return Err(AccountRefusal::GraceTooLong);
        }
        let mut secrets = vec![StoredSecret { hash: secret, ends_at: None }];
        let current = self.secrets.iter().find(|secret| secret.ends_at.is_none());
        if let Some(current) = current.filter(|_| !grace.is_zero()) {
            secrets.push(StoredSecret { hash: current.hash.clone(), ends_at: Some(now + grace) });
        }
        Ok(Self { secrets, ..self.clone() })
    }

    /// The same account, allowed to call or not.
    #[must_use]
    pub fn with_status(&self, status: AccountStatus) -> Self {
        Self { status, ..self.clone() }
    }

    /// The same account with other scopes.
    ///
    /// # Errors
    /// [`AccountRefusal::NoScope`].
    pub fn with_scopes(&self, scopes: ScopeSet) -> Result<Self, AccountRefusal> {
        if scopes.is_empty() { Err(AccountRefusal::NoScope) } else { Ok(Self { scopes, ..self.clone() }) }
    }

    /// The same account with rate limits of its own.
    ///
    /// # Errors
    /// [`AccountRefusal::LimitOfNothing`].
    pub fn with_limits(&self, limits: AccountLimits) -> Result<Self, AccountRefusal> {
        if limits.reads == Some(0) || limits.writes == Some(0) {
            return Err(AccountRefusal::LimitOfNothing);
        }
        Ok(Self { limits, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> ServiceAccount {
        ServiceAccount::open(
            Title::parse("scanner").unwrap(),
            None,
            ScopeSet::all(),
            Some(Timestamp::from_millis(1_000_000)),
            SecretHash::new("first"),
            Timestamp::from_millis(0),
        )
        .unwrap()
    }

    fn live(account: &ServiceAccount, millis: i64) -> Vec<&str> {
        account.live_secrets(Timestamp::from_millis(millis)).map(SecretHash::as_str).collect()
    }

    #[test]
    fn the_old_secret_lives_for_its_grace_and_no_longer() {
        let rotated =
            account().rotated(SecretHash::new("second"), Duration::from_secs(60), Timestamp::from_millis(0)).unwrap();
        assert_eq!(live(&rotated, 59_999), ["second", "first"]);
        assert_eq!(live(&rotated, 60_000), ["second"]);
    }

    #[test]
    fn rotating_again_ends_the_oldest_at_once() {
        let now = Timestamp::from_millis(0);
        let twice = account()
            .rotated(SecretHash::new("second"), Duration::from_secs(600), now)
            .unwrap()
            .rotated(SecretHash::new("third"), Duration::from_secs(600), now)
            .unwrap();
        assert_eq!(live(&twice, 1), ["third", "second"]);
    }

    #[test]
    fn a_compromised_secret_ends_with_a_grace_of_nothing() {
        let rotated = account().rotated(SecretHash::new("second"), Duration::ZERO, Timestamp::from_millis(5)).unwrap();
        assert_eq!(live(&rotated, 5), ["second"]);
    }

    #[test]
    fn an_account_stands_until_the_moment_it_expires() {
        assert!(account().stands(Timestamp::from_millis(999_999)));
        assert!(!account().stands(Timestamp::from_millis(1_000_000)));
        assert!(!account().with_status(AccountStatus::Disabled).stands(Timestamp::from_millis(0)));
    }
}
