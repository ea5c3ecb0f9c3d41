//! The command that creates a service account.

use clap::Args;
use integrations::NewAccount;
use kernel::{Email, Timestamp, Title};
use serde_json::json;

use crate::{
    cli::{CommandContext, ReasonArg, service_account::Scopes},
    failure::Failure,
    operations::{Operator, create_account, find_workspace},
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

impl Create {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let new_account = self.new_account()?;
        let create = async |operator: &Operator| {
            let workspace = find_workspace(&operator.installation, &self.workspace).await?;
            let (account, secret) = create_account(operator, &workspace, &new_account).await?;
            Ok((workspace, account, secret))
        };
        let (workspace, account, secret) = context.operate("service-account create", &self.reason, create).await?;
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
            expires_at: expires_at.map_err(|error| Failure::usage(format!("--expires-at {error}")))?,
        })
    }
}
