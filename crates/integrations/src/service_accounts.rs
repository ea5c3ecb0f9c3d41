//! Service accounts: lookup, creation and changes. Running servers apply a change from the account's next request on.

use std::time::Duration;

use auth::{
    Account, AccountError, AccountFilter, AccountId, AccountLimits, AccountStatus, ClientSecret, ServiceAccount,
};
use kernel::{
    Action, Change, Email, Id, OrganizationId, OrganizationRef, PageLimit, PageRequest, Reader, Revision, Stored,
    Subject, Timestamp, Title,
};
use scopes::ScopeSet;

use crate::{
    author::Author,
    error::IntegrationError,
    integrations::{Integrations, MAX_ATTEMPTS},
};

/// The properties of a service account to create.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The display name, unique in the organization.
    pub name: Title,
    /// The email address of the contact person.
    pub contact: Option<Email>,
    /// The scopes.
    pub scopes: ScopeSet,
    /// The time from which on the account counts as disabled.
    pub expires_at: Option<Timestamp>,
}

/// The properties that say whom an account belongs to and how long it lasts.
#[derive(Clone, Debug)]
pub struct AccountDetails {
    /// The email address of the contact person.
    pub contact: Option<Email>,
    /// The time from which on the account counts as disabled.
    pub expires_at: Option<Timestamp>,
}

/// An account to change.
#[derive(Clone, Copy, Debug)]
struct Target<'a> {
    organization: &'a OrganizationRef,
    id: AccountId,
    /// The revision that the author saw; `None` for one who has seen none.
    seen: Option<Revision>,
}

impl Integrations {
    /// Returns the account of the organization with this identifier.
    ///
    /// # Errors
    /// [`IntegrationError::NoAccount`], or the store fails.
    pub async fn account(&self, organization: OrganizationId, id: AccountId) -> Result<Account, IntegrationError> {
        let found = Reader::<ServiceAccount>::get(&*self.store, organization, id).await?;
        found.ok_or(IntegrationError::NoAccount(id))
    }

    /// Returns all accounts of the organization, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn accounts(&self, organization: OrganizationId) -> Result<Vec<Account>, IntegrationError> {
        let reader: &dyn Reader<ServiceAccount> = &*self.store;
        let limit = PageLimit::clamped(u64::from(PageLimit::MAX));
        let (mut accounts, mut request) = (Vec::new(), PageRequest { limit, ..PageRequest::default() });
        loop {
            let page = reader.list(organization, &AccountFilter, &request).await?;
            accounts.extend(page.items);
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(accounts),
            }
        }
    }

    /// Creates an account, and returns it with its secret, which can't be read again later. A user must have entered
    /// their password recently.
    ///
    /// # Errors
    /// [`IntegrationError::Denied`], [`IntegrationError::NameTaken`], [`IntegrationError::Account`], or the store fails.
    pub async fn create_account(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        new: &NewAccount,
    ) -> Result<(Account, ClientSecret), IntegrationError> {
        let NewAccount { name, contact, scopes, expires_at } = new;
        self.require_recent_management(author)?;
        for _ in 0..MAX_ATTEMPTS {
            let taken = Reader::<ServiceAccount>::get_by_keys(&*self.store, organization.id, &[name.as_str()]).await?;
            if !taken.is_empty() {
                return Err(IntegrationError::NameTaken(name.to_string()));
            }
            let timestamp = self.store.begin_write();
            let at = timestamp.at();
            let secret = ClientSecret::generate(&*self.entropy);
            let hash = self.hasher.hash(&secret, None);
            let record =
                ServiceAccount::open(name.clone(), contact.clone(), *scopes, *expires_at, hash, timestamp.clock())?;
            let account = Stored::new(organization.id, Id::new(self.entropy.ulid(at)), at, record);
            let (action, subject) = (Action::new("service_account.created"), Subject::from_id(account.meta.id));
            let context = author.context(organization, &*self.entropy);
            let mut changeset = context.begin(timestamp, action, Some(subject));
            changeset.set_changes(Change::between(None, &account.record));
            changeset.create(&account);
            if self.commit(author, changeset).await? {
                return Ok((account, secret));
            }
        }
        Err(IntegrationError::Contended)
    }

    /// Disables or enables an account. A user who enables it must have entered their password recently.
    ///
    /// # Errors
    /// [`IntegrationError::Denied`], [`IntegrationError::NoAccount`], [`IntegrationError::AccountChanged`], or the store
    /// fails.
    pub async fn set_account_status(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: AccountId,
        seen: Option<Revision>,
        status: AccountStatus,
    ) -> Result<Account, IntegrationError> {
        let action = match status {
            AccountStatus::Active => "service_account.enabled",
            AccountStatus::Disabled => "service_account.disabled",
        };
        if status == AccountStatus::Active {
            self.require_recent_management(author)?;
        }
        let target = Target { organization, id, seen };
        self.change_account(author, target, action, |account, _| Ok(account.with_status(status))).await
    }

    /// Gives an account a new secret, and returns the secret. The old one stays valid for the grace period. A user must
    /// have entered their password recently.
    ///
    /// # Errors
    /// As [`Self::set_account_status`], and [`IntegrationError::Account`] if the grace period is too long.
    pub async fn rotate_secret(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: AccountId,
        seen: Option<Revision>,
        grace: Duration,
    ) -> Result<(Account, ClientSecret), IntegrationError> {
        self.require_recent_management(author)?;
        let secret = ClientSecret::generate(&*self.entropy);
        let rotate = |account: &ServiceAccount, now| {
            let current = account.secrets.first().map(|current| &current.hash);
            account.with_rotated_secret(self.hasher.hash(&secret, current), grace, now)
        };
        let target = Target { organization, id, seen };
        let changed = self.change_account(author, target, "service_account.rotated", rotate).await?;
        Ok((changed, secret))
    }

    /// Replaces the scopes of an account. A user must have entered their password recently.
    ///
    /// # Errors
    /// As [`Self::set_account_status`], and [`IntegrationError::Account`] if there is no scope.
    pub async fn set_account_scopes(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: AccountId,
        seen: Option<Revision>,
        scopes: ScopeSet,
    ) -> Result<Account, IntegrationError> {
        self.require_recent_management(author)?;
        let target = Target { organization, id, seen };
        self.change_account(author, target, "service_account.scopes_set", |account, _| account.with_scopes(scopes))
            .await
    }

    /// Changes the rate limits of an account by a function of its current ones. A user must have entered their password
    /// recently.
    ///
    /// # Errors
    /// As [`Self::set_account_status`], and [`IntegrationError::Account`] if a limit is invalid.
    pub async fn set_account_limits(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: AccountId,
        seen: Option<Revision>,
        change: impl Fn(AccountLimits) -> AccountLimits + Send + Sync,
    ) -> Result<Account, IntegrationError> {
        self.require_recent_management(author)?;
        let set = |account: &ServiceAccount, _| account.with_limits(change(account.limits));
        let target = Target { organization, id, seen };
        self.change_account(author, target, "service_account.limits_set", set).await
    }

    /// Replaces the contact and the expiry of an account. A user must have entered their password recently, since a later
    /// expiry enables an account that has expired.
    ///
    /// # Errors
    /// As [`Self::set_account_status`], and [`IntegrationError::Account`] if the expiry is not in the future.
    pub async fn set_account_details(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: AccountId,
        seen: Option<Revision>,
        details: &AccountDetails,
    ) -> Result<Account, IntegrationError> {
        self.require_recent_management(author)?;
        let AccountDetails { contact, expires_at } = details;
        let set = |account: &ServiceAccount, now| account.with_details(contact.clone(), *expires_at, now);
        let target = Target { organization, id, seen };
        self.change_account(author, target, "service_account.updated", set).await
    }

    /// Reads the account, computes its new state with `decide` and stores it.
    async fn change_account(
        &self,
        author: &Author<'_>,
        Target { organization, id, seen }: Target<'_>,
        action: &'static str,
        decide: impl Fn(&ServiceAccount, Timestamp) -> Result<ServiceAccount, AccountError> + Send + Sync,
    ) -> Result<Account, IntegrationError> {
        author.require_management()?;
        for _ in 0..MAX_ATTEMPTS {
            let before = self.account(organization.id, id).await?;
            if seen.is_some_and(|seen| seen != before.meta.revision) {
                return Err(IntegrationError::AccountChanged(Box::new(before)));
            }
            let timestamp = self.store.begin_write().after([&before]);
            let context = author.context(organization, &*self.entropy);
            let mut changeset = context.begin(timestamp, Action::new(action), Some(Subject::from_id(id)));
            let record = decide(&before.record, changeset.due_at())?;
            // A command without effect is audited too, but keeps the revision, under which tokens were accepted.
            let after = if record == before.record {
                changeset.require_unchanged(&before);
                before
            } else {
                let after = before.changed(changeset.at(), record);
                changeset.set_changes(Change::between(Some(&before.record), &after.record));
                changeset.update(&before, &after);
                after
            };
            if self.commit(author, changeset).await? {
                return Ok(after);
            }
        }
        Err(IntegrationError::Contended)
    }
}
