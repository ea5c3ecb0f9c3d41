//! `serve --demo`: a sample workspace in a temporary folder, written by the same commands as any integration's records.

mod evidence;
mod findings;
mod history;
mod people;
mod records;
mod series;
mod submissions;

use std::time::Duration;

use auth::{Role, parse_user_email};
use kernel::{Organization, OrganizationRef, Reason, RecordKey, Slug, Title};
use scopes::{Scope, ScopeSet};
use tempfile::TempDir;

use self::people::People;
use super::{
    printed_account::{PrintedAccount, list_findings_command},
    printed_link::PrintedLink,
};
use crate::{
    clock::ReplayClock,
    compose::Installation,
    failure::{Failure, ResultExt as _},
    operations::{Operator, create_workspace},
    settings::{Database, Settings},
};

/// The time for which the workspace of the demo has existed.
pub(crate) const PAST: Duration = Duration::from_secs(190 * 24 * 60 * 60);

/// Changes the settings to use a temporary folder, which is removed when it is dropped.
///
/// # Errors
/// If the folder can't be created.
pub(crate) fn use_temporary_folder(settings: &mut Settings) -> Result<TempDir, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("novantra-demo-")
        .tempdir()
        .context(|| "can't create a temporary folder".to_owned())?;
    folder.path().clone_into(&mut settings.data_dir);
    settings.database = Database::Sqlite(folder.path().join("novantra.db"));
    settings.master_key_file = folder.path().join("master.key");
    settings.attachments.use_folder_in(folder.path());
    // Users who try webhooks out have a receiver on this machine.
    settings.webhooks.addresses.loopback = true;
    Ok(folder)
}

/// Seeds the installation with sample records, the two service accounts of an integration, and an administrator whom a
/// link signs in. Registers, findings, evidence claims and submission packages are recorded in the past, each change at its
/// time and by whoever made it, so that their numbers have a course; all other records are recorded now.
///
/// # Errors
/// If the store fails.
pub(crate) async fn seed(
    installation: &Installation,
    settings: &Settings,
    replay: &ReplayClock,
) -> Result<(Vec<PrintedAccount>, Option<PrintedLink>), Failure> {
    let operator = Operator::for_server(installation.clone(), Reason::parse("sample records of the demo")?);
    let organization = Organization {
        slug: Slug::parse("cedar-valley")?,
        name: Title::parse("Cedar Valley Credit Union")?,
        locale: RecordKey::parse("en-US")?,
        timezone: RecordKey::parse("America/Denver")?,
    };
    let workspace = create_workspace(&operator, &organization).await?;
    let now = replay.present();
    records::add_registers(&operator, &workspace, now).await?;
    let staff = People::add(&operator, &workspace).await?;
    history::replay(&operator, &workspace, &staff, replay).await?;
    replay.release();
    records::add_activities(&operator, &workspace, now).await?;
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
    let create = async |name, scopes, purpose, example| {
        PrintedAccount::create(&operator, &workspace, name, scopes, purpose, example).await
    };
    let accounts = vec![
        create("scanner", scanner, "pushes findings:", push_finding_command).await?,
        create("mirror", mirror, "mirrors findings:", list_findings_command).await?,
    ];
    let administrator =
        (Title::parse("Dana Whitlock")?, parse_user_email("dana.whitlock@cedar-valley.example")?, Role::Admin);
    let organization = OrganizationRef::from(&workspace);
    let people = installation.people(settings);
    let (_, link) = people.create_user(&operator.author(), &organization, administrator).await?;
    Ok((accounts, Some(PrintedLink::of_demo(link))))
}

/// The introduction printed when the demo starts.
pub(crate) fn introduction(url: &str) -> String {
    format!(
        "The demo is at {url}: Cedar Valley Credit Union (workspace cedar-valley), {} controls, {} findings, \
         {} risks, {} evidence claims, and something in every other register.\n\
         Its data is deleted when you stop it with Ctrl-C.\n\n",
        records::count("control"),
        findings::COUNT,
        records::count("risk"),
        evidence::COUNT,
    )
}

/// A shell command that creates a finding, with a new key each second.
fn push_finding_command(account: &PrintedAccount, url: &str) -> String {
    format!(
        "curl -s -w '\\n' {url}/api/v1/governance/findings -H 'Content-Type: application/json' -H \"Authorization: Bearer {}\" \
         -d '{{\"findingKey\":\"demo-'$(date +%s)'\",\"title\":\"TLS 1.0 is still offered by the branch gateway\",\
         \"severity\":\"high\",\"sourceKind\":\"module_signal\",\"sourceModuleKey\":\"demo-scanner\",\
         \"reason\":\"Nightly scan of the branch network\"}}'",
        account.token_command(url)
    )
}
