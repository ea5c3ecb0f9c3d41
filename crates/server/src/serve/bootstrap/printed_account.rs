//! Service accounts whose credentials the server prints at start, each with an example command.

use auth::{Account, ClientSecret};
use integrations::NewAccount;
use kernel::{Organization, Stored, Title};
use scopes::{Scope, ScopeSet};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    operations::{Operator, create_account},
};

/// A service account whose credentials the server prints at start.
pub(crate) struct PrintedAccount {
    account: Account,
    secret: ClientSecret,
    workspace: String,
    /// The purpose of the account, for people.
    purpose: &'static str,
    /// Returns an example shell command for the URL of the API.
    example: fn(&Self, &str) -> String,
}

impl PrintedAccount {
    /// Creates a service account whose credentials the server prints.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn create(
        operator: &Operator,
        workspace: &Stored<Organization>,
        name: &str,
        scopes: ScopeSet,
        purpose: &'static str,
        example: fn(&Self, &str) -> String,
    ) -> Result<Self, Failure> {
        let new_account = NewAccount { name: Title::parse(name)?, contact: None, scopes, expires_at: None };
        let (account, secret) = create_account(operator, workspace, &new_account).await?;
        Ok(Self { account, secret, workspace: workspace.record.slug.as_str().to_owned(), purpose, example })
    }

    /// The JSON document of the account, for the API at `url`.
    pub(crate) fn document(&self, url: &str) -> Value {
        json!({
            "client_id": self.account.meta.id.to_string(),
            "client_secret": self.secret.expose(),
            "name": self.account.record.name.as_str(),
            "workspace": self.workspace,
            "scopes": self.account.record.scopes.iter().map(Scope::name).collect::<Vec<_>>(),
            "curl": (self.example)(self, url),
        })
    }

    /// The text for people, for the API at `url`.
    pub(crate) fn text(&self, url: &str) -> String {
        format!(
            "{} {}\n  client_id      {}\n  client_secret  {}\n\n  {}\n",
            self.account.record.name,
            self.purpose,
            self.account.meta.id,
            self.secret.expose(),
            (self.example)(self, url),
        )
    }

    /// A shell substitution that requests an access token.
    pub(crate) fn token_command(&self, url: &str) -> String {
        format!(
            "$(curl -s {url}/api/v1/auth/token -d grant_type=client_credentials -d client_id={} -d client_secret={} \
             | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
            self.account.meta.id,
            self.secret.expose(),
        )
    }
}

/// A shell command that lists open findings.
pub(crate) fn list_findings_command(account: &PrintedAccount, url: &str) -> String {
    format!(
        "curl -s -w '\\n' '{url}/api/v1/governance/findings?status=open&limit=5' -H \"Authorization: Bearer {}\"",
        account.token_command(url)
    )
}
