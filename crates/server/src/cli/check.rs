//! `novantra check`: checks settings, database, clock and keys, and reports problems.

mod audit_log;
mod schema;
mod witnesses;

use std::{collections::BTreeSet, io::ErrorKind, path::Path, time::Duration};

use auth::IdentityProvider as _;
use clap::Args;
use kernel::{Clock, Timestamp};
use serde_json::{Value, json};
use store_sql::MisplacedTable;

use crate::{
    cli::{Output, columns},
    clock::{self, SystemClock},
    compose::{self, Installation, OpenMode},
    failure::Failure,
    files::folder_of,
    operations::{RollupCounter, SearchIndexer},
    permissions::exposed_files,
    settings::{Database, Settings},
    staging::find_abandoned,
};

/// Maximum offset of this machine's clock from the database's. Two clocks that NTP synchronizes differ by less than a
/// tenth of it.
const MAX_CLOCK_OFFSET: Duration = Duration::from_secs(1);

/// Maximum time by which timestamps may be ahead of the clock. Writes in quick succession are a little ahead.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(5);

/// Earliest plausible time, 2026-01-01: this program did not exist before, so an earlier clock is not set.
const MIN_PLAUSIBLE_TIME: Timestamp = Timestamp::from_millis(1_767_225_600_000);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra check --repair")]
pub(crate) struct Check {
    /// Count the records for the overview anew, those of past days included. Servers may run meanwhile.
    #[arg(long)]
    repair: bool,
}

/// The result of one check.
struct CheckResult {
    about: &'static str,
    failed: bool,
    message: String,
}

/// The results of all checks, in the order they ran.
#[derive(Default)]
struct Report(Vec<CheckResult>);

impl Report {
    fn pass(&mut self, about: &'static str, message: impl Into<String>) {
        self.0.push(CheckResult { about, failed: false, message: message.into() });
    }

    fn fail(&mut self, about: &'static str, message: impl Into<String>) {
        self.0.push(CheckResult { about, failed: true, message: message.into() });
    }
}

impl Check {
    pub(crate) async fn run(&self, settings: Result<Settings, String>, output: Output) -> Result<(), Failure> {
        let mut report = Report::default();
        match settings {
            Ok(settings) => run_checks(&settings, self.repair, &mut report).await,
            Err(errors) => report.fail("settings", errors),
        }
        let Report(results) = report;
        let documents: Vec<Value> = results
            .iter()
            .map(|result| json!({ "about": result.about, "ok": !result.failed, "message": result.message }))
            .collect();
        let failed: Vec<&CheckResult> = results.iter().filter(|result| result.failed).collect();
        output.print(&json!({ "ok": failed.is_empty(), "checks": documents }), || {
            let row = |result: &CheckResult| {
                let status = if result.failed { "wrong" } else { "ok" };
                vec![status.to_owned(), result.about.to_owned(), result.message.clone()]
            };
            columns(&results.iter().map(row).collect::<Vec<_>>())
        })?;
        if failed.is_empty() {
            return Ok(());
        }
        let messages: Vec<String> =
            failed.iter().map(|result| format!("{}: {}", result.about, result.message)).collect();
        Err(Failure::new(messages.join("; ")))
    }
}

async fn run_checks(settings: &Settings, repair: bool, report: &mut Report) {
    let warnings = settings.warnings();
    if warnings.is_empty() {
        report.pass("settings", "all settings exist and have valid values");
    } else {
        report.pass("settings", format!("valid, with a warning: {}", warnings.join("; ")));
    }
    check_certificate(settings, report);
    check_root_certificates(report);
    check_permissions(settings, report);
    report_abandoned_folders(settings, report);
    if matches!(settings.database, Database::Memory) {
        return report.pass("database", "memory: nothing is stored, so there is nothing more to check");
    }
    let installation = match Installation::open(settings, OpenMode::Command).await {
        Ok(installation) => installation,
        Err(failure) => return report.fail("database and keys", failure.to_string()),
    };
    match installation.store.check_ready().await {
        Ok(()) => {
            report.pass("database", "reachable, and its schema is that of this program");
            schema::check_schema(settings, report).await;
        }
        Err(error) => report.fail("database", error.to_string()),
    }
    // Opening the installation has proved that the master key decrypts the secrets in the database.
    report.pass("keys", format!("{} is the master key of this database", settings.master_key_file.display()));
    check_attachments(settings, &installation, report).await;
    check_placement(settings, report).await;
    check_clock(&installation, report).await;
    audit_log::check_audit_log(&installation, report).await;
    witnesses::check_witnesses(&installation, report).await;
    check_webhooks(&installation, report).await;
    if repair {
        repair_rollups(&installation, report).await;
        repair_search(&installation, report).await;
    }
    check_openid(settings, &installation, report).await;
    installation.store.close().await;
}

/// Counts the records for the overview anew.
async fn repair_rollups(installation: &Installation, report: &mut Report) {
    match RollupCounter::new(installation).rebuild().await {
        Ok(1) => report.pass("rollups", "the records of 1 workspace were counted anew"),
        Ok(workspaces) => report.pass("rollups", format!("the records of {workspaces} workspaces were counted anew")),
        Err(error) => report.fail("rollups", format!("the records could not be counted anew: {error}")),
    }
}

/// Indexes the records for the search anew.
async fn repair_search(installation: &Installation, report: &mut Report) {
    match SearchIndexer::new(installation).rebuild().await {
        Ok(1) => report.pass("search", "the records of 1 workspace were indexed anew"),
        Ok(workspaces) => report.pass("search", format!("the records of {workspaces} workspaces were indexed anew")),
        Err(error) => report.fail("search", format!("the records could not be indexed anew: {error}")),
    }
}

/// Checks that the certificate is valid today and does not expire soon.
fn check_certificate(settings: &Settings, report: &mut Report) {
    let Some(files) = &settings.tls else { return };
    let now = SystemClock.now();
    match files.load() {
        Err(failure) => report.fail("certificate", failure.to_string()),
        Ok(identity) => match identity.expiry_warning(now) {
            Some(warning) if identity.is_expired(now) => report.fail("certificate", warning),
            Some(warning) => report.pass("certificate", format!("valid, but {warning}: renew it")),
            None => report.pass("certificate", format!("valid until {}", identity.expires_at)),
        },
    }
}

/// Checks that no other user of the machine can use the files of the installation.
fn check_permissions(settings: &Settings, report: &mut Report) {
    match exposed_files(settings) {
        exposed if exposed.is_empty() => {
            report.pass("files", "no other user of this machine can use the master key or change the data");
        }
        exposed => report.fail("files", exposed.join("; ")),
    }
}

/// Reports what backups and restores that were killed have left. Not a failure, because it only takes space.
fn report_abandoned_folders(settings: &Settings, report: &mut Report) {
    let database_folder = match &settings.database {
        Database::Sqlite(file) => Some(folder_of(file)),
        _ => None,
    };
    let parents: BTreeSet<&Path> = database_folder.into_iter().chain([settings.data_dir.as_path()]).collect();
    let abandoned: BTreeSet<_> = parents.into_iter().flat_map(find_abandoned).collect();
    if !abandoned.is_empty() {
        let paths: Vec<String> = abandoned.iter().map(|path| path.display().to_string()).collect();
        let message =
            format!("a backup or restore that was killed has left files with data: rm -r {}", paths.join(" "));
        report.pass("files", message);
    }
}

/// Checks that root certificates are installed, with which webhook endpoints are authenticated.
fn check_root_certificates(report: &mut Report) {
    match delivery::Roots::System.count() {
        Ok(count) => {
            report.pass("webhooks", format!("{count} root certificates to authenticate webhook endpoints with"));
        }
        // Not a failure, because not every installation uses webhooks.
        Err(error) => report.pass("webhooks", format!("events can't be delivered to any endpoint: {error}")),
    }
}

/// Checks that attachments can be stored.
async fn check_attachments(settings: &Settings, installation: &Installation, report: &mut Report) {
    let location = &settings.attachments.location;
    if let Some(folder) = settings.attachments.folder()
        && folder.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
    {
        match installation.check_absent_attachments(folder).await {
            Ok(()) => report.pass("attachments", format!("{location}, which the next start of a server creates")),
            Err(failure) => report.fail("attachments", failure.to_string()),
        }
        return;
    }
    match installation.attachments.contents.probe().await {
        Ok(()) => report.pass("attachments", format!("{location} can be written to")),
        Err(error) => report.fail("attachments", format!("{location}: {error}")),
    }
}

/// Checks that a distributed database has placed the tables as this program needs.
async fn check_placement(settings: &Settings, report: &mut Report) {
    match compose::find_misplaced_tables(settings).await {
        Ok(None) => {}
        Ok(Some(misplaced)) if misplaced.is_empty() => {
            report.pass("distribution", "Citus, whose tables are all placed as this program needs");
        }
        Ok(Some(misplaced)) => {
            let problem = |table: &MisplacedTable| format!("{table}: run {}", table.statements().join("; "));
            report.fail("distribution", misplaced.iter().map(problem).collect::<Vec<_>>().join(". "));
        }
        Err(failure) => report.fail("distribution", failure.to_string()),
    }
}

/// Checks that nothing speaks against the clock, that it agrees with the database's, and that it is not behind the times
/// that clients were told.
async fn check_clock(installation: &Installation, report: &mut Report) {
    if let Ok(time) = installation.store.time().await {
        let believed = installation.clock.now();
        if time > believed + clock::MAX_JUMP {
            return report.fail(
                "clock",
                format!(
                    "the clock says {time}, but by other evidence, which the log names, it is {believed}: set the clock; or if \
                     it is right and you can't wait until a server has run for 10 min, stop all servers and run \
                     `novantra clock reset`"
                ),
            );
        }
    }
    match clock::offset_from(|| installation.store.time()).await {
        Err(error) => {
            return report
                .fail("clock", format!("this machine's clock can't be compared with the database's: {error}"));
        }
        Ok((ahead, within)) if Duration::from_millis(ahead.unsigned_abs()) > MAX_CLOCK_OFFSET + within => {
            return report.fail("clock", clock_offset_message(ahead));
        }
        Ok(_) => {}
    }
    let timestamp = installation.store.begin_write();
    let now = installation.clock.now();
    if now < MIN_PLAUSIBLE_TIME {
        return report
            .fail("clock", format!("the clock says {now}, which is before this program existed: set the clock"));
    }
    let at = timestamp.at();
    if at > now + MAX_CLOCK_LEAD {
        return report.fail(
            "clock",
            format!(
                "the clock says {now}, but clients were told times up to {at}, so every change gets that time: if the clock is \
                 right now, stop the servers and run `novantra clock reset`"
            ),
        );
    }
    report.pass("clock", format!("the clock says {now}, and no client was told a later time"));
}

fn clock_offset_message(ahead: i64) -> String {
    let (seconds, direction) =
        (Duration::from_millis(ahead.unsigned_abs()).as_secs_f64(), if ahead > 0 { "ahead of" } else { "behind" });
    format!(
        "this machine's clock is {seconds:.1} s {direction} the database's. A server on this machine uses the database's time, but \
         its log lines and its certificate checks use the machine's clock: synchronize it with NTP"
    )
}

/// Reports webhooks that are paused. Not a failure, because a copy for tests stays so.
async fn check_webhooks(installation: &Installation, report: &mut Report) {
    let store = &installation.store;
    match (store.webhooks_paused().await, store.is_unrenewed_copy().await) {
        (Ok(false), Ok(false)) => {}
        (Ok(true), Ok(false)) => report.pass(
            "webhooks",
            "paused, because this installation is a copy of another one: start them with `novantra webhooks resume`",
        ),
        (Ok(_), Ok(true)) => report.pass(
            "webhooks",
            "paused, because this installation is a copy of another one: the first start of a server gives it an identifier \
             and a token signing key of its own, and `novantra webhooks resume` starts the webhooks",
        ),
        (Err(error), _) | (_, Err(error)) => report.fail("webhooks", error.to_string()),
    }
}

/// Checks that people can sign in by the OpenID Connect provider: it answers, and it is clear into which workspace.
async fn check_openid(settings: &Settings, installation: &Installation, report: &mut Report) {
    const ABOUT: &str = "openid connect";
    let Some(provider) = installation.openid_provider(settings) else { return };
    match installation.people(settings).openid_workspace().await {
        Ok(Some(_)) => {}
        Ok(None) => {
            return report.fail(
                ABOUT,
                "openid_workspace must name the workspace of the people who sign in: list them with `novantra workspace list`",
            );
        }
        Err(error) => return report.fail(ABOUT, error.to_string()),
    }
    match provider.probe().await {
        Ok(()) => report.pass(ABOUT, format!("{} answers, and its keys can be used", provider.issuer())),
        Err(problem) => report.fail(ABOUT, problem.to_string()),
    }
}
