//! The first start: creates a workspace and explains the next step.

use auth::{Account, ClientSecret};
use kernel::{Organization, Reason, RecordKey, Slug, Stored, Title};
use scopes::{Scope, ScopeSet};
use serde_json::{Value, json};

use crate::{
    cli::{NewAccount, Operator, create_account, create_workspace},
    compose::Installation,
    failure::Failure,
    settings::{Database, Settings},
};

/// A service account whose credentials the server prints at start.
pub(crate) struct PrintedAccount {
    pub(crate) account: Account,
    pub(crate) secret: ClientSecret,
    pub(crate) workspace: String,
    /// The purpose of the account, for people.
    pub(crate) purpose: &'static str,
    /// Returns an example shell command for the URL of the API.
    pub(crate) curl: fn(&PrintedAccount, &str) -> String,
}

impl PrintedAccount {
    pub(crate) fn document(&self, url: &str) -> Value {
        json!({
            "client_id": self.account.meta.id.to_string(),
            "client_secret": self.secret.expose(),
            "name": self.account.record.name.as_str(),
            "workspace": self.workspace,
            "scopes": self.account.record.scopes.iter().map(Scope::name).collect::<Vec<_>>(),
            "curl": (self.curl)(self, url),
        })
    }

    pub(crate) fn text(&self, url: &str) -> String {
        format!(
            "{} {}\n  client_id      {}\n  client_secret  {}\n\n  {}\n",
            self.account.record.name,
            self.purpose,
            self.account.meta.id,
            self.secret.expose(),
            (self.curl)(self, url),
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

/// Creates a first workspace if there is none, and logs how to create a service account. With a `memory:` database,
/// which no command can reach, it also creates an account.
///
/// # Errors
/// If the store fails.
pub(crate) async fn prepare(installation: &Installation, settings: &Settings) -> Result<Vec<PrintedAccount>, Failure> {
    let operator = Operator::for_server(installation.clone(), Reason::parse("first start of the server")?);
    if installation.store.organizations().await?.is_empty() {
        let workspace = Organization {
            slug: Slug::parse("default")?,
            name: Title::parse("Default workspace")?,
            locale: RecordKey::parse("en-US")?,
            timezone: RecordKey::parse("UTC")?,
        };
        match operator.write(async || create_workspace(&operator, workspace.clone()).await).await {
            Ok(_) => tracing::info!("first start: created the workspace default and the keys"),
            // Another server on the same database may have created it first.
            Err(failure) if installation.store.organization(&workspace.slug).await?.is_none() => return Err(failure),
            Err(_) => {}
        }
        if !matches!(settings.database, Database::Memory) {
            tracing::info!("create a service account with: {}", account_command(settings));
        }
    }
    match settings.database {
        Database::Memory => Ok(vec![create_memory_account(installation, &operator).await?]),
        Database::Sqlite(_) | Database::Postgres(_) => Ok(Vec::new()),
    }
}

async fn create_memory_account(installation: &Installation, operator: &Operator) -> Result<PrintedAccount, Failure> {
    let workspaces = installation.store.organizations().await?;
    let workspace = workspaces.first().ok_or_else(|| Failure::new("there is no workspace"))?;
    let account = create_printed(
        operator,
        workspace,
        "memory",
        ScopeSet::all(),
        "has all scopes; it is deleted when the server stops",
        list_findings_command,
    );
    account.await
}

/// Creates a service account whose credentials the server prints.
///
/// # Errors
/// If the store fails.
pub(crate) async fn create_printed(
    operator: &Operator,
    workspace: &Stored<Organization>,
    name: &str,
    scopes: ScopeSet,
    purpose: &'static str,
    curl: fn(&PrintedAccount, &str) -> String,
) -> Result<PrintedAccount, Failure> {
    let new_account = NewAccount { name: Title::parse(name)?, contact: None, scopes, expires_at: None };
    let (account, secret) = operator.write(async || create_account(operator, workspace, &new_account).await).await?;
    Ok(PrintedAccount { account, secret, workspace: workspace.record.slug.as_str().to_owned(), purpose, curl })
}

/// A shell command that lists open findings.
pub(crate) fn list_findings_command(account: &PrintedAccount, url: &str) -> String {
    format!(
        "curl -s -w '\\n' '{url}/api/v1/governance/findings?status=open&limit=5' -H \"Authorization: Bearer {}\"",
        account.token_command(url)
    )
}

/// The command that creates a service account, with the settings that select this installation.
fn account_command(settings: &Settings) -> String {
    let mut command = "novantra service-account create --workspace default --name my-integration \
                       --scope governance.findings:read --scope governance.findings:write"
        .to_owned();
    let mut add = |flag: &str, value: &std::path::Path| {
        command.push_str(&format!(" --{flag} '{}'", value.display()));
    };
    let data_dir = &settings.data_dir;
    if data_dir != std::path::Path::new("./novantra-data") {
        add("data-dir", data_dir);
    }
    if settings.master_key_file != data_dir.join("master.key") {
        add("master-key-file", &settings.master_key_file);
    }
    if let Database::Sqlite(file) = &settings.database
        && *file != data_dir.join("novantra.db")
    {
        add("database-url", std::path::Path::new(&format!("sqlite:{}", file.display())));
    }
    command
}
