//! The first start: creates a workspace and explains the next step.

use std::path::Path;

use kernel::{Organization, OrganizationRef, Reason, RecordKey, Slug, Title};
use scopes::ScopeSet;

use super::{
    printed_account::{PrintedAccount, list_findings_command},
    printed_link::PrintedLink,
};
use crate::{
    compose::Installation,
    failure::Failure,
    operations::{Operator, create_workspace},
    settings::{Database, Settings},
};

/// Creates a first workspace if there is none, with a link for its first administrator, and logs how to create a service
/// account. With a `memory:` database, which no command can reach, it also creates an account.
///
/// # Errors
/// If the store fails.
pub(crate) async fn prepare(
    installation: &Installation,
    settings: &Settings,
) -> Result<(Vec<PrintedAccount>, Option<PrintedLink>), Failure> {
    let mut link = None;
    let operator = Operator::for_server(installation.clone(), Reason::parse("first start of the server")?);
    if installation.store.organizations().await?.is_empty() {
        let workspace = Organization {
            slug: Slug::parse("default")?,
            name: Title::parse("Default workspace")?,
            locale: RecordKey::parse("en-US")?,
            timezone: RecordKey::parse("UTC")?,
        };
        match create_workspace(&operator, &workspace).await {
            Ok(created) => {
                tracing::info!("first start: created the workspace default and the keys");
                let organization = OrganizationRef::from(&created);
                let people = installation.people(settings);
                let issued = people.issue_first_administrator_link(&operator.author(), &organization).await?;
                link = Some(PrintedLink::of_first_administrator(issued));
            }
            // Another server on the same database may have created it first.
            Err(failure) if installation.store.organization(&workspace.slug).await?.is_none() => return Err(failure),
            Err(_) => {}
        }
        if !matches!(settings.database, Database::Memory) {
            tracing::info!("create a service account with: {}", account_command(settings));
        }
    }
    let accounts = match settings.database {
        Database::Memory => vec![create_memory_account(installation, &operator).await?],
        Database::Sqlite(_) | Database::Postgres(_) => Vec::new(),
    };
    Ok((accounts, link))
}

async fn create_memory_account(installation: &Installation, operator: &Operator) -> Result<PrintedAccount, Failure> {
    let workspaces = installation.store.organizations().await?;
    let workspace = workspaces.first().ok_or_else(|| Failure::new("there is no workspace"))?;
    let purpose = "has all scopes; it is deleted when the server stops";
    PrintedAccount::create(operator, workspace, "memory", ScopeSet::all(), purpose, list_findings_command).await
}

/// The command that creates a service account, with the settings that select this installation.
fn account_command(settings: &Settings) -> String {
    let mut command = "novantra service-account create --workspace default --name my-integration \
                       --scope governance.findings:read --scope governance.findings:write"
        .to_owned();
    let mut add = |flag: &str, value: &Path| {
        command.push_str(&format!(" --{flag} '{}'", value.display()));
    };
    let data_dir = &settings.data_dir;
    if data_dir != Path::new("./novantra-data") {
        add("data-dir", data_dir);
    }
    if settings.master_key_file != data_dir.join("master.key") {
        add("master-key-file", &settings.master_key_file);
    }
    if let Database::Sqlite(file) = &settings.database
        && *file != data_dir.join("novantra.db")
    {
        add("database-url", Path::new(&format!("sqlite:{}", file.display())));
    }
    command
}
