//! Service accounts, as operators name them: by their client id, in any workspace.

use std::{sync::Arc, time::Duration};

use auth::{Account, AccountId, AccountLimits, AccountStatus, ClientSecret};
use integrations::{Author, IntegrationError, Integrations, NewAccount};
use kernel::{Organization, OrganizationRef, Stored, Timestamp};
use scopes::ScopeSet;

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

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
    Ok(installation.store.by_client_id(id).await?.ok_or(IntegrationError::NoAccount(id))?)
}

/// Returns all accounts of a workspace.
///
/// # Errors
/// If the store fails.
pub(crate) async fn list_accounts(
    installation: &Installation,
    workspace: &Stored<Organization>,
) -> Result<Vec<Account>, Failure> {
    Ok(integrations(installation).accounts(workspace.meta.id).await?)
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
    let organization = OrganizationRef::from(workspace);
    let integrations = integrations(&operator.installation);
    Ok(integrations.create_account(&author(operator), &organization, new_account).await?)
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
    let (organization, last_used) = workspace_and_use(operator, id).await?;
    let integrations = integrations(&operator.installation);
    let account = integrations.set_account_status(&author(operator), &organization, id, None, status).await?;
    Ok(ChangedAccount { account, last_used })
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
    let (organization, last_used) = workspace_and_use(operator, id).await?;
    let integrations = integrations(&operator.installation);
    let (account, secret) = integrations.rotate_secret(&author(operator), &organization, id, None, grace).await?;
    Ok((ChangedAccount { account, last_used }, secret))
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
    let (organization, last_used) = workspace_and_use(operator, id).await?;
    let integrations = integrations(&operator.installation);
    let account = integrations.set_account_scopes(&author(operator), &organization, id, None, scopes).await?;
    Ok(ChangedAccount { account, last_used })
}

/// Changes the rate limits of an account by a function of its current ones.
///
/// # Errors
/// If there is no such account, a limit is invalid, or the store fails.
pub(crate) async fn set_account_limits(
    operator: &Operator,
    id: AccountId,
    change: impl Fn(AccountLimits) -> AccountLimits + Send + Sync,
) -> Result<ChangedAccount, Failure> {
    let (organization, last_used) = workspace_and_use(operator, id).await?;
    let integrations = integrations(&operator.installation);
    let account = integrations.set_account_limits(&author(operator), &organization, id, None, change).await?;
    Ok(ChangedAccount { account, last_used })
}

/// The workspace of an account, and the time of its last call.
async fn workspace_and_use(
    operator: &Operator,
    id: AccountId,
) -> Result<(OrganizationRef, Option<Timestamp>), Failure> {
    let organization = find_account(&operator.installation, id).await?.meta.organization;
    let last_used = operator.installation.store.last_used(organization, id).await?;
    Ok((operator.organization(organization).await?, last_used))
}

fn integrations(installation: &Installation) -> Integrations {
    let Installation { store, entropy, hasher, .. } = installation;
    Integrations::new(Arc::clone(store), Arc::clone(entropy), Arc::clone(hasher))
}

fn author(operator: &Operator) -> Author<'_> {
    Author::operator(operator.attribution(), operator.reason())
}
