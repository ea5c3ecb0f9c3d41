//! The checks of the audit log.

use std::time::Duration;

use kernel::OrganizationId;

use super::Report;
use crate::{
    compose::Installation,
    operations::{HeadFaults, UnacceptedRow, head_faults, recorded_incidents, refused_rows},
};

const ABOUT: &str = "audit log";

/// Maximum age of an unsealed audit entry. The contract requires that entries are sealed within 1 s.
const MAX_SEAL_DELAY: Duration = Duration::from_secs(10);

/// How long the check fails because of an incident that the log records.
const INCIDENT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum number of logs or rows that one line names.
const MAX_NAMED: usize = 5;

/// Checks that entries are sealed, that nobody has written, altered or deleted any, and that heads are those signed.
pub(super) async fn check_audit_log(installation: &Installation, report: &mut Report) {
    check_sealing(installation, report).await;
    check_archive(installation, report).await;
    check_rows(installation, report).await;
    check_heads(installation, report).await;
}

async fn check_archive(installation: &Installation, report: &mut Report) {
    const ARCHIVE: &str = "audit archive";
    match &installation.audit_archive {
        None => {}
        Some(archive) => match archive.probe().await {
            Ok(()) => report.pass(ARCHIVE, "the archive of the audit log can be read"),
            Err(error) => report.fail(ARCHIVE, format!("the archive of the audit log can't be read: {error}")),
        },
    }
}

async fn check_sealing(installation: &Installation, report: &mut Report) {
    let tail = match installation.store.unsealed_stats(None).await {
        Err(error) => return report.fail(ABOUT, error.to_string()),
        Ok(tail) => tail,
    };
    let age = tail.oldest.map(|oldest| installation.clock.now().since(oldest)).unwrap_or_default();
    if age <= MAX_SEAL_DELAY {
        let message = format!("{} entries are not sealed yet, none of them for longer than 10 s", tail.entries);
        return report.pass(ABOUT, message);
    }
    report.fail(
        ABOUT,
        format!(
            "{} entries are not sealed yet, the oldest for {} s: no server is running, or its sealing task fails for all logs \
             or for one, which its log on stderr names",
            tail.entries,
            age.as_secs()
        ),
    );
}

/// Checks the rows of entries that wait, and what the sealer has recorded about others.
async fn check_rows(installation: &Installation, report: &mut Report) {
    match refused_rows(installation).await {
        Err(error) => return report.fail(ABOUT, format!("the rows that wait to be sealed can't be read: {error}")),
        Ok(rows) if rows.is_empty() => {}
        Ok(rows) => report.fail(
            ABOUT,
            format!(
                "{} rows of entries were not written by this installation as they are, and are not sealed: {}. Somebody has \
                 written to the database, or its disk has damaged it",
                rows.len(),
                named(rows.iter().map(describe_row))
            ),
        ),
    }
    let since = installation.clock.now() - INCIDENT_AGE;
    match recorded_incidents(installation, Some(since)).await {
        Err(error) => report.fail(ABOUT, format!("the log of the installation can't be read: {error}")),
        Ok(incidents) if incidents.shows_tampering() => report.fail(
            ABOUT,
            format!(
                "within a day, rows of entries were altered, deleted or suppressed in the database: {} in the log of the \
                 installation (`novantra audit export --workspace -`)",
                incidents.description()
            ),
        ),
        Ok(incidents) if incidents.lost > 0 => {
            let message = format!("entries may have been lost within a day when a process was killed: {}", incidents.description());
            report.pass(ABOUT, message);
        }
        Ok(_) => {}
    }
}

async fn check_heads(installation: &Installation, report: &mut Report) {
    let HeadFaults { changed, late, unconverted } = match head_faults(installation).await {
        Ok(faults) => faults,
        Err(error) => return report.fail(ABOUT, format!("the heads of the logs can't be read: {error}")),
    };
    if !changed.is_empty() {
        report.fail(
            ABOUT,
            format!(
                "the heads of these logs are not those that were signed, so nothing is sealed after them: {}. Somebody has \
                 written to the database: run `novantra audit verify` with a checkpoint that was stored elsewhere",
                named(changed.iter().map(OrganizationId::to_string))
            ),
        );
    }
    if !late.is_empty() {
        let logs = late.iter().map(|(organization, millis)| format!("{organization} ({} s)", millis / 1000));
        report.fail(
            ABOUT,
            format!(
                "entries of these logs came more than an hour after later ones, and lists of that time are slower: {}. A clock \
                 was wrong: see `novantra check` for the clock, and the clocks of all servers",
                named(logs)
            ),
        );
    }
    if !unconverted.is_empty() {
        let entries: i64 = unconverted.iter().map(|(_, entries)| entries).sum();
        let message = format!(
            "up to {entries} entries of an earlier version are converted in the background by a server; lists and proofs use \
             them meanwhile, or say that they can't yet. If the metric novantra_audit_unconverted_entries does not fall, an \
             entry is not what was sealed: `novantra audit verify` names it"
        );
        report.pass(ABOUT, message);
    }
}

/// Describes a row that is refused.
fn describe_row(row: &UnacceptedRow) -> String {
    format!("{} of {} ({})", row.key.id, row.key.organization, row.reason)
}

/// Joins the names, of which it leaves out those beyond the first few.
fn named(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let mut listed: Vec<String> = names.take(MAX_NAMED).collect();
    if count > MAX_NAMED {
        listed.push(format!("and {} more", count - MAX_NAMED));
    }
    listed.join(", ")
}
