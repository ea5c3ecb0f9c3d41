//! Service accounts: records that an operator manages and that every call is authorized by.

use std::time::Duration;

use kernel::{AuditFields, Criteria, Email, FieldValue, HasIdPrefix, Id, Kind, Resource, Stored, Timestamp, Title};
use scopes::ScopeSet;

use crate::secret::SecretHash;

/// The identity of one integration: its name, scopes and expiry, and the hashes of its valid secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceAccount {
    /// The display name, unique in the organization.
    pub name: Title,
    /// The email address of the contact person.
    pub contact: Option<Email>,
    /// The scopes of the account; a token may have fewer.
    pub scopes: ScopeSet,
    /// Whether the account is active or disabled.
    pub status: AccountStatus,
    /// The time from which on the account counts as disabled.
    pub expires_at: Option<Timestamp>,
    /// The valid secrets, newest first: one, or two during the grace period of a rotation.
    pub secrets: Vec<StoredSecret>,
    /// The account's own rate limits.
    pub limits: AccountLimits,
}

/// The identifier of a service account. With its prefix it is the `client_id`.
pub type AccountId = Id<ServiceAccount>;

/// A service account with its metadata.
pub type Account = Stored<ServiceAccount>;

/// The status of a service account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// The account may make calls until it expires.
    Active,
    /// The account may not make calls; its tokens are refused on their next use.
    Disabled,
}

/// A secret that is valid for authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// The secret's hash. The secret itself is not stored.
    pub hash: SecretHash,
    /// The end of the grace period; `None` for the current secret.
    pub expires_at: Option<Timestamp>,
}

/// Rate limits that override those of the installation, in calls per minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// The limit of reads; `None` for the installation's limit.
    pub reads: Option<u32>,
    /// The limit of writes; `None` for the installation's limit.
    pub writes: Option<u32>,
}

/// The reason that a change of an account is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The grace period of a rotation is longer than [`ServiceAccount::MAX_GRACE`].
    #[error("the grace period must be at most 7 days")]
    GraceTooLong,
    /// The expiry is not in the future.
    #[error("the expiry is in the past")]
    ExpiryInPast,
    /// The account would have no scope.
    #[error("the account must have at least one scope")]
    NoScope,
    /// A rate limit of 0 would lock the account out by accident.
    #[error("a rate limit must be at least 1 call per minute; to stop an account, disable it")]
    ZeroLimit,
}

impl HasIdPrefix for ServiceAccount {
    const PREFIX: &'static str = "svc";
}

/// The filter of service accounts, which is empty: there are few accounts, and they are always listed in full.
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

    const HAS_TITLE: bool = true;

    fn title(&self) -> Option<&str> {
        Some(self.name.as_str())
    }
}

impl AuditFields for ServiceAccount {
    /// Of the secrets, the fields have only the end of the previous one's grace period.
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let limit = |limit: Option<u32>| limit.map_or(FieldValue::Null, |limit| FieldValue::Integer(limit.into()));
        vec![
            ("name", FieldValue::Text(self.name.to_string())),
            ("contact", self.contact.as_ref().into()),
            ("scopes", FieldValue::Texts(self.scopes.iter().map(|scope| scope.name().to_owned()).collect())),
            ("status", FieldValue::Text(self.status.name().to_owned())),
            ("expires_at", self.expires_at.into()),
            ("previous_secret_ends_at", self.secrets.iter().find_map(|secret| secret.expires_at).into()),
            ("read_limit", limit(self.limits.reads)),
            ("write_limit", limit(self.limits.writes)),
        ]
    }
}

impl AccountStatus {
    /// The name of the status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Returns the status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|status| status.name() == name)
    }
}

impl ServiceAccount {
    /// The maximum grace period of the old secret after a rotation.
    pub const MAX_GRACE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Creates a new, active account.
    ///
    /// # Errors
    /// [`AccountError::NoScope`], [`AccountError::ExpiryInPast`].
    pub fn open(
        name: Title,
        contact: Option<Email>,
        scopes: ScopeSet,
        expires_at: Option<Timestamp>,
        secret: SecretHash,
        now: Timestamp,
    ) -> Result<Self, AccountError> {
        if scopes.is_empty() {
            return Err(AccountError::NoScope);
        }
        if expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(AccountError::ExpiryInPast);
        }
        Ok(Self {
            name,
            contact,
            scopes,
            status: AccountStatus::Active,
            expires_at,
            secrets: vec![StoredSecret { hash: secret, expires_at: None }],
            limits: AccountLimits::default(),
        })
    }

    /// Returns whether the account is active and not expired at `now`.
    #[must_use]
    pub fn is_active_at(&self, now: Timestamp) -> bool {
        self.status == AccountStatus::Active && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// Iterates over the hashes of the secrets that are valid at `now`.
    pub fn valid_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretHash> {
        self.secrets
            .iter()
            .filter(move |secret| secret.expires_at.is_none_or(|end| now < end))
            .map(|secret| &secret.hash)
    }

    /// Returns the account with a new secret. The previous secret stays valid for `grace`; an older one ends
    /// immediately, so that at most two are ever valid.
    ///
    /// # Errors
    /// [`AccountError::GraceTooLong`].
    pub fn with_rotated_secret(
        &self,
        secret: SecretHash,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Self, AccountError> {
        if grace > Self::MAX_GRACE {
            return Err(AccountError::GraceTooLong);
        }
        let mut secrets = vec![StoredSecret { hash: secret, expires_at: None }];
        let current = self.secrets.iter().find(|secret| secret.expires_at.is_none());
        if let Some(current) = current.filter(|_| !grace.is_zero()) {
            secrets.push(StoredSecret { hash: current.hash.clone(), expires_at: Some(now + grace) });
        }
        Ok(Self { secrets, ..self.clone() })
    }

    /// Returns the account with another status.
    #[must_use]
    pub fn with_status(&self, status: AccountStatus) -> Self {
        Self { status, ..self.clone() }
    }

    /// Returns the account with other scopes.
    ///
    /// # Errors
    /// [`AccountError::NoScope`].
    pub fn with_scopes(&self, scopes: ScopeSet) -> Result<Self, AccountError> {
        if scopes.is_empty() { Err(AccountError::NoScope) } else { Ok(Self { scopes, ..self.clone() }) }
    }

    /// Returns the account with another contact and another expiry.
    ///
    /// # Errors
    /// [`AccountError::ExpiryInPast`] if the expiry is another one than before, and not in the future.
    pub fn with_details(
        &self,
        contact: Option<Email>,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, AccountError> {
        if expires_at != self.expires_at && expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(AccountError::ExpiryInPast);
        }
        Ok(Self { contact, expires_at, ..self.clone() })
    }

    /// Returns the account with its own rate limits.
    ///
    /// # Errors
    /// [`AccountError::ZeroLimit`].
    pub fn with_limits(&self, limits: AccountLimits) -> Result<Self, AccountError> {
        if limits.reads == Some(0) || limits.writes == Some(0) {
            return Err(AccountError::ZeroLimit);
        }
        Ok(Self { limits, ..self.clone() })
    }
}
