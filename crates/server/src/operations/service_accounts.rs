//! Service accounts: lookup, creation and changes. Running servers apply a change from the account's next request on.

use std::time::Duration;

use auth::{
    Account, AccountError, AccountFilter, AccountId, AccountLimits, AccountStatus, ClientSecret, ServiceAccount,
};
use kernel::{
    Action, Change, Email, Id, Organization, OrganizationRef, PageLimit, PageRequest, Reader, Stored, Subject,
    Timestamp, Title,
};
use scopes::ScopeSet;

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

/// The properties of a service account to create.
pub(crate) struct NewAccount {
    pub(crate) name: Title,
    pub(crate) contact: Option<Email>,
    pub(crate) scopes: ScopeSet,
    pub(crate) expires_at: Option<Timestamp>,
}

/// An account after a change.
pub(crate) struct ChangedAccount {
    pub(crate) account: Account,
    pub(crate) last_used: Option<Timestamp>,
}

/// Returns the account with this client id.
///
/// # Errors
/// If there is none, or the store fails.
pub(crate) async fn find_account(installation: &Installation, id: AccountId) -> Result<Account, Failure> {
    let account = installation.store.by_client_id(id).await?;
    account.ok_or_else(|| Failure::new(format!("there is no service account {id}")))
}

/// Returns all accounts of a workspace.
///
/// # Errors
/// If the store fails.
pub(crate) async fn list_accounts(
    installation: &Installation,
    workspace: &Stored<Organization>,
) -> Result<Vec<Account>, Failure> {
    let reader: &dyn Reader<ServiceAccount> = &*installation.store;
    let mut accounts = Vec::new();
    let mut request = PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
    loop {
        let page = reader.list(workspace.meta.id, &AccountFilter, &request).await?;
        accounts.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(accounts),
        }
    }
}

/// Creates an account, and returns it with its secret, which can't be read again later.
///
/// # Errors
/// If the workspace has an account of this name already, the account is invalid, or the store fails.
pub(crate) async fn create_account(
    operator: &Operator,
    workspace: &Stored<Organization>,
    new_account: &NewAccount,
) -> Result<(Account, ClientSecret), Failure> {
    let Installation { store, entropy, hasher, .. } = &operator.installation;
    let organization = OrganizationRef::from(workspace);
    let NewAccount { name, contact, scopes, expires_at } = new_account;
    operator
        .write(async || {
            let existing = Reader::<ServiceAccount>::get_by_keys(&**store, organization.id, &[name.as_str()]).await?;
            if !existing.is_empty() {
                return Err(Failure::new(format!("the workspace already has a service account {:?}", name.as_str())));
            }
            let timestamp = store.begin_write();
            let at = timestamp.at();
            let secret = ClientSecret::generate(&**entropy);
            let hash = hasher.hash(&secret, None);
            let record =
                ServiceAccount::open(name.clone(), contact.clone(), *scopes, *expires_at, hash, timestamp.clock())?;
            let account = Stored::new(organization.id, Id::new(entropy.ulid(at)), at, record);
            let (action, subject) = (Action::new("service_account.created"), Subject::from_id(account.meta.id));
            let mut changeset = operator.changeset_at(timestamp, &organization, action, Some(subject));
            changeset.set_changes(Change::between(None, &account.record));
            changeset.create(&account);
            Ok((changeset, (account, secret)))
        })
        .await
}

/// Disables or enables an account.
///
/// # Errors
/// If there is no such account, or the store fails.
pub(crate) async fn set_account_status(
    operator: &Operator,
    id: AccountId,
    status: AccountStatus,
) -> Result<ChangedAccount, Failure> {
    let action = match status {
        AccountStatus::Active => "service_account.enabled",
        AccountStatus::Disabled => "service_account.disabled",
    };
    change_account(operator, id, action, |account, _| Ok(account.with_status(status))).await
}

/// Gives an account a new secret, and returns the secret. The old one stays valid for the grace period.
///
/// # Errors
/// If there is no such account, the grace period is too long, or the store fails.
pub(crate) async fn rotate_secret(
    operator: &Operator,
    id: AccountId,
    grace: Duration,
) -> Result<(ChangedAccount, ClientSecret), Failure> {
    let Installation { entropy, hasher, .. } = &operator.installation;
    let secret = ClientSecret::generate(&**entropy);
    let rotate = |account: &ServiceAccount, now| {
        let current = account.secrets.first().map(|current| &current.hash);
        account.with_rotated_secret(hasher.hash(&secret, current), grace, now)
    };
    let changed = change_account(operator, id, "service_account.rotated", rotate).await?;
    Ok((changed, secret))
}

/// Replaces the scopes of an account.
///
/// # Errors
/// If there is no such account, there is no scope, or the store fails.
pub(crate) async fn set_account_scopes(
    operator: &Operator,
    id: AccountId,
    scopes: ScopeSet,
) -> Result<ChangedAccount, Failure> {
    change_account(operator, id, "service_account.scopes_set", |account, _| account.with_scopes(scopes)).await
}

/// Changes the rate limits of an account by a function of its current ones.
///
/// # Errors
/// If there is no such account, a limit is invalid, or the store fails.
pub(crate) async fn set_account_limits(
    operator: &Operator,
    id: AccountId,
    change: impl Fn(AccountLimits) -> AccountLimits,
) -> Result<ChangedAccount, Failure> {
    let set = |account: &ServiceAccount, _| account.with_limits(change(account.limits));
    change_account(operator, id, "service_account.limits_set", set).await
}

/// Reads the account, computes its new state with `decide` and stores it.
async fn change_account(
    operator: &Operator,
    id: AccountId,
    action: &'static str,
    decide: impl Fn(&ServiceAccount, Timestamp) -> Result<ServiceAccount, AccountError>,
) -> Result<ChangedAccount, Failure> {
    operator
        .write(async || {
            let before = find_account(&operator.installation, id).await?;
            let organization = before.meta.organization;
            let last_used = operator.installation.store.last_used(organization, before.meta.id).await?;
            let organization = operator.organization(organization).await?;
            let subject = Some(Subject::from_id(before.meta.id));
            let timestamp = operator.installation.store.begin_write().after([&before]);
            let mut changeset = operator.changeset_at(timestamp, &organization, Action::new(action), subject);
            let record = decide(&before.record, changeset.due_at())?;
            // A command without effect is audited too, but keeps the revision, under which tokens were accepted.
            if record == before.record {
                changeset.require_unchanged(&before);
                return Ok((changeset, ChangedAccount { account: before, last_used }));
            }
            let after = before.changed(changeset.at(), record);
            changeset.set_changes(Change::between(Some(&before.record), &after.record));
            changeset.update(&before, &after);
            Ok((changeset, ChangedAccount { account: after, last_used }))
        })
        .await
}
