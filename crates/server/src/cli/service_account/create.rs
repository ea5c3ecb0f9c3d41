//! The command that creates a service account.

use auth::{Account, ClientSecret, ServiceAccount};
use clap::Args;
use kernel::{
    Action, Change, Changeset, Email, Id, Organization, OrganizationRef, Reader, Stored, Subject, Timestamp, Title,
};
use scopes::ScopeSet;
use serde_json::json;

use crate::{
    cli::{CommandContext, Operator, ReasonArg, service_account::Scopes},
    compose::Installation,
    failure::Failure,
};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The workspace it belongs to.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// The display name, unique in the workspace.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    scopes: Scopes,
    /// When the account expires: a date or an RFC 3339 timestamp.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// The mail address of the person or team responsible for the account.
    #[arg(long, value_name = "MAIL")]
    contact: Option<String>,
    #[command(flatten)]
    reason: ReasonArg,
}

/// The properties of a service account to create.
pub(crate) struct NewAccount {
    pub(crate) name: Title,
    pub(crate) contact: Option<Email>,
    pub(crate) scopes: ScopeSet,
    pub(crate) expires_at: Option<Timestamp>,
}

impl Create {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let new_account = self.new_account()?;
        let make = async |operator: &Operator| {
            let workspace = operator.workspace(&self.workspace).await?;
            let (account, secret) =
                operator.write(async || create_account(operator, &workspace, &new_account).await).await?;
            Ok((workspace, account, secret))
        };
        let (workspace, account, secret) = Operator::run(context, "service-account create", &self.reason, make).await?;
        let document = json!({
            "client_id": account.meta.id.to_string(),
            "client_secret": secret.expose(),
            "name": account.record.name.as_str(),
            "workspace": workspace.record.slug.as_str(),
            "scopes": account.record.scopes.iter().map(scopes::Scope::name).collect::<Vec<_>>(),
            "expires_at": account.record.expires_at.map(|expiry| expiry.to_string()),
        });
        context.output.print(&document, || {
            format!(
                "client_id      {}\nclient_secret  {}\n\nThe secret is not shown again.",
                account.meta.id,
                secret.expose()
            )
        })
    }

    fn new_account(&self) -> Result<NewAccount, Failure> {
        let name = Title::parse(&self.name).map_err(|error| Failure::usage(format!("--name {error}")))?;
        let contact = self.contact.as_deref().map(Email::parse).transpose();
        let expires_at = self.expires_at.as_deref().map(Timestamp::parse_date_or_time).transpose();
        Ok(NewAccount {
            name,
            contact: contact.map_err(|error| Failure::usage(format!("--contact {error}")))?,
            scopes: self.scopes.union(),
            expires_at: expires_at.map_err(|error| Failure::usage(format!("--expires-at is {error}")))?,
        })
    }
}

/// Builds the changeset that creates an account, and the account with its secret, which can't be read again later.
///
/// # Errors
/// If the workspace has an account of this name already, the account is invalid, or the store fails.
pub(crate) async fn create_account(
    operator: &Operator,
    workspace: &Stored<Organization>,
    new_account: &NewAccount,
) -> Result<(Changeset, (Account, ClientSecret)), Failure> {
    let Installation { store, entropy, hasher, .. } = &operator.installation;
    let organization = OrganizationRef::from(workspace);
    let taken = Reader::<ServiceAccount>::get_by_keys(&**store, organization.id, &[new_account.name.as_str()]).await?;
    if !taken.is_empty() {
        return Err(Failure::new(format!(
            "the workspace already has a service account {:?}",
            new_account.name.as_str()
        )));
    }
    let timestamp = store.begin_write();
    let at = timestamp.at();
    let secret = ClientSecret::generate(&**entropy);
    let hash = hasher.hash(&secret, None);
    let NewAccount { name, contact, scopes, expires_at } = new_account;
    let record = ServiceAccount::open(name.clone(), contact.clone(), *scopes, *expires_at, hash, at)?;
    let account = Stored::new(organization.id, Id::new(entropy.ulid(at)), at, record);
    let subject = Some(Subject::from_id(account.meta.id));
    let mut changeset =
        operator.changeset_at(timestamp, &organization, Action::new("service_account.created"), subject);
    changeset.set_changes(Change::between(None, &account.record));
    changeset.create(&account);
    Ok((changeset, (account, secret)))
}
