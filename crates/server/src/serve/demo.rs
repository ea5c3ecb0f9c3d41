//! `serve --demo`: a sample workspace in a throw-away folder, written the way any integration's records are.

mod controls;
mod findings;

use kernel::{Organization, Reason, RecordKey, Slug, Title};
use scopes::{Scope, ScopeSet};
use tempfile::TempDir;

use crate::{
    cli::{Operator, founded},
    compose::Installation,
    failure::{Context as _, Failure},
    serve::first_start::{Guest, invite, list_findings},
    settings::{Database, Settings},
};

/// Turns the settings to a folder that is removed when it is dropped.
///
/// # Errors
/// When no such folder can be made.
pub(crate) fn move_in(settings: &mut Settings) -> Result<TempDir, Failure> {
    let folder =
        tempfile::Builder::new().prefix("novantra-demo-").tempdir().or_fail(|| "can't make a folder".to_owned())?;
    folder.path().clone_into(&mut settings.data_dir);
    settings.database = Database::Sqlite(folder.path().join("novantra.db"));
    settings.master_key_file = folder.path().join("master.key");
    // Who tries webhooks out has a receiver on this machine.
    settings.webhooks.addresses.loopback = true;
    Ok(folder)
}

/// Fills the installation and invites the two accounts that an integration is made of.
///
/// # Errors
/// When the store fails.
pub(crate) async fn furnish(installation: &Installation) -> Result<Vec<Guest>, Failure> {
    let operator = Operator::server(installation.clone(), Reason::parse("sample records of the demo")?);
    let organization = Organization {
        slug: Slug::parse("cedar-valley")?,
        name: Title::parse("Cedar Valley Credit Union")?,
        locale: RecordKey::parse("en-US")?,
        timezone: RecordKey::parse("America/Denver")?,
    };
    let workspace = operator.write(async || founded(&operator, organization.clone()).await).await?;
    controls::add(&operator, &workspace).await?;
    findings::add(&operator, &workspace).await?;
    let scanner: ScopeSet = [Scope::FindingsRead, Scope::FindingsWrite].into_iter().collect();
    let mirror: ScopeSet = [
        Scope::ControlsRead,
        Scope::FindingsRead,
        Scope::FindingsWrite,
        Scope::WebhooksManage,
        Scope::OrganizationRead,
        Scope::AuditRead,
    ]
    .into_iter()
    .collect();
    Ok(vec![
        invite(&operator, &workspace, "scanner", scanner, "pushes findings:", push_finding).await?,
        invite(&operator, &workspace, "mirror", mirror, "mirrors findings:", list_findings).await?,
    ])
}

/// What people read first.
pub(crate) fn words(url: &str) -> String {
    format!(
        "The demo is at {url}: Cedar Valley Credit Union (workspace cedar-valley), {} controls and {} findings.\n\
         It is gone when you stop it with Ctrl-C.\n\n",
        controls::COUNT,
        findings::COUNT,
    )
}

/// A call that records a finding, another one with each second.
fn push_finding(guest: &Guest, url: &str) -> String {
    format!(
        "curl -s -w '\\n' {url}/api/v1/governance/findings -H 'Content-Type: application/json' -H \"Authorization: Bearer {}\" \
         -d '{{\"findingKey\":\"demo-'$(date +%s)'\",\"title\":\"TLS 1.0 is still offered by the branch gateway\",\
         \"severity\":\"high\",\"sourceKind\":\"module_signal\",\"sourceModuleKey\":\"demo-scanner\",\
         \"reason\":\"Nightly scan of the branch network\"}}'",
        guest.token_call(url)
    )
}
