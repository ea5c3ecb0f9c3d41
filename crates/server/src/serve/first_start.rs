//! The first start: a workspace to begin with, and the words for what comes next.

use auth::{Account, ClientSecret};
use kernel::{Organization, Reason, RecordKey, Slug, Stored, Title};
use scopes::{Scope, ScopeSet};
use serde_json::{Value, json};

use crate::{
    cli::{Opened, Operator, founded, opened},
    compose::Installation,
    failure::Failure,
    settings::{Database, Settings},
};

/// A service account whose credentials the server itself prints.
pub(crate) struct Guest {
    pub(crate) account: Account,
    pub(crate) secret: ClientSecret,
    pub(crate) workspace: String,
    /// What it is for, for people.
    pub(crate) purpose: &'static str,
    /// A call to paste, given where the API is reached.
    pub(crate) curl: fn(&Guest, &str) -> String,
}

impl Guest {
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

    pub(crate) fn words(&self, url: &str) -> String {
        format!(
            "{} {}\n  client_id      {}\n  client_secret  {}\n\n  {}\n",
            self.account.record.name,
            self.purpose,
            self.account.meta.id,
            self.secret.expose(),
            (self.curl)(self, url),
        )
    }

    /// A token in the place where this stands in a shell command.
    pub(crate) fn token_call(&self, url: &str) -> String {
        format!(
            "$(curl -s {url}/api/v1/auth/token -d grant_type=client_credentials -d client_id={} -d client_secret={} \
             | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
            self.account.meta.id,
            self.secret.expose(),
        )
    }
}

/// Makes a first workspace where there is none, and says how to make a service account. Where no other process can reach
/// the records, it makes an account as well.
///
/// # Errors
/// When the store fails.
pub(crate) async fn prepare(installation: &Installation, settings: &Settings) -> Result<Vec<Guest>, Failure> {
    let operator = Operator::server(installation.clone(), Reason::parse("first start of the server")?);
    if installation.store.organizations().await?.is_empty() {
        let workspace = Organization {
            slug: Slug::parse("default")?,
            name: Title::parse("Default workspace")?,
            locale: RecordKey::parse("en-US")?,
            timezone: RecordKey::parse("UTC")?,
        };
        match operator.write(async || founded(&operator, workspace.clone()).await).await {
            Ok(_) => tracing::info!("first start: made the workspace default and the keys"),
            // Another server on the same database may have been faster.
            Err(failure) if installation.store.organization(&workspace.slug).await?.is_none() => return Err(failure),
            Err(_) => {}
        }
        if !matches!(settings.database, Database::Memory) {
            tracing::info!("make a service account with: {}", account_command(settings));
        }
    }
    match settings.database {
        Database::Memory => Ok(vec![visitor(installation, &operator).await?]),
        Database::Sqlite(_) | Database::Postgres(_) => Ok(Vec::new()),
    }
}

async fn visitor(installation: &Installation, operator: &Operator) -> Result<Guest, Failure> {
    let workspaces = installation.store.organizations().await?;
    let workspace = workspaces.first().ok_or_else(|| Failure::new("there is no workspace"))?;
    let guest = invite(
        operator,
        workspace,
        "memory",
        ScopeSet::all(),
        "may do everything; it is gone when the server stops",
        list_findings,
    );
    guest.await
}

/// Opens a service account that the server prints.
///
/// # Errors
/// When the store fails.
pub(crate) async fn invite(
    operator: &Operator,
    workspace: &Stored<Organization>,
    name: &str,
    scopes: ScopeSet,
    purpose: &'static str,
    curl: fn(&Guest, &str) -> String,
) -> Result<Guest, Failure> {
    let asked = Opened { name: Title::parse(name)?, contact: None, scopes, expires_at: None };
    let (account, secret) = operator.write(async || opened(operator, workspace.meta.id, &asked).await).await?;
    Ok(Guest { account, secret, workspace: workspace.record.slug.as_str().to_owned(), purpose, curl })
}

/// A call that lists open findings.
pub(crate) fn list_findings(guest: &Guest, url: &str) -> String {
    format!(
        "curl -s -w '\\n' '{url}/api/v1/governance/findings?status=open&limit=5' -H \"Authorization: Bearer {}\"",
        guest.token_call(url)
    )
}

/// The command, with the settings that lead it to the same installation.
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
