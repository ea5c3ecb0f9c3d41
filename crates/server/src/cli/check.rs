//! `novantra check`: what is wrong, in words.

use std::time::Duration;

use clap::Args;
use kernel::{Clock, Order, PageLimit, PageRequest, Timestamp};
use serde_json::{Value, json};

use crate::{
    cli::{Output, columns},
    clock::{self, SystemClock},
    compose::{Installation, Opening},
    failure::Failure,
    settings::{Database, Settings},
};

/// The contract has entries sealed within a second; this much later something is wrong.
const SEAL_WITHIN: Duration = Duration::from_secs(10);

/// How far this machine's clock may be from the database's before it is worth a word: two that are kept by NTP are within
/// a tenth of it.
const SKEW: Duration = Duration::from_secs(1);

/// How far ahead of the clock a moment on record may be that was stamped in a hurry.
const LEAD: Duration = Duration::from_secs(5);

/// This program did not exist before: a clock that says so is not set.
const EARLIEST: Timestamp = Timestamp::from_millis(1_767_225_600_000);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra check")]
pub(crate) struct Check {}

/// What was looked at, and what was found.
struct Examined {
    about: &'static str,
    wrong: bool,
    words: String,
}

/// All of it, in the order things were looked at.
#[derive(Default)]
struct Report(Vec<Examined>);

impl Report {
    fn good(&mut self, about: &'static str, words: impl Into<String>) {
        self.0.push(Examined { about, wrong: false, words: words.into() });
    }

    fn wrong(&mut self, about: &'static str, words: impl Into<String>) {
        self.0.push(Examined { about, wrong: true, words: words.into() });
    }
}

impl Check {
    pub(crate) async fn run(&self, settings: Result<Settings, String>, output: Output) -> Result<(), Failure> {
        let mut report = Report::default();
        match settings {
            Ok(settings) => examine(&settings, &mut report).await,
            Err(faults) => report.wrong("settings", faults),
        }
        let Report(examined) = report;
        let documents: Vec<Value> =
            examined.iter().map(|one| json!({ "about": one.about, "ok": !one.wrong, "message": one.words })).collect();
        let wrong: Vec<&Examined> = examined.iter().filter(|one| one.wrong).collect();
        output.show(&json!({ "ok": wrong.is_empty(), "checks": documents }), || {
            let row = |one: &Examined| {
                let verdict = if one.wrong { "wrong" } else { "ok" };
                vec![verdict.to_owned(), one.about.to_owned(), one.words.clone()]
            };
            columns(&examined.iter().map(row).collect::<Vec<_>>())
        })?;
        if wrong.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = wrong.iter().map(|one| format!("{}: {}", one.about, one.words)).collect();
        Err(Failure::new(words.join("; ")))
    }
}

async fn examine(settings: &Settings, report: &mut Report) {
    let doubts = settings.doubts();
    if doubts.is_empty() {
        report.good("settings", "every one is known and has a value it can have");
    } else {
        report.good("settings", format!("understood, but {}", doubts.join("; ")));
    }
    certificate(settings, report);
    endpoints(report);
    if matches!(settings.database, Database::Memory) {
        return report.good("database", "memory: nothing is kept, so there is nothing more to check");
    }
    let installation = match Installation::open(settings, Opening::Tool).await {
        Ok(installation) => installation,
        Err(failure) => return report.wrong("database and keys", failure.to_string()),
    };
    match installation.store.ready().await {
        Ok(()) => report.good("database", "reachable, and at this program's schema"),
        Err(error) => report.wrong("database", error.to_string()),
    }
    // Opening it has proved that the master key opens what the database holds.
    report.good("keys", format!("{} is the key of this database", settings.master_key_file.display()));
    clock(&installation, report).await;
    sealing(&installation, report).await;
    installation.store.close().await;
}

/// Clients must take the certificate, today and for a while.
fn certificate(settings: &Settings, report: &mut Report) {
    let Some(files) = &settings.tls else { return };
    let now = SystemClock.now();
    match files.identity() {
        Err(failure) => report.wrong("certificate", failure.to_string()),
        Ok(identity) => match identity.doubt(now) {
            Some(doubt) if identity.has_ended(now) => report.wrong("certificate", doubt),
            Some(doubt) => report.good("certificate", format!("usable, but {doubt}: renew it")),
            None => report.good("certificate", format!("usable until {}", identity.expires_at)),
        },
    }
}

/// Endpoints of webhooks must be told apart from those who pretend to be them.
fn endpoints(report: &mut Report) {
    match delivery::Roots::System.count() {
        Ok(count) => report.good("webhooks", format!("{count} root certificates to know endpoints by")),
        // Not everybody has webhooks.
        Err(error) => report.good("webhooks", format!("no endpoint could be sent to: {error}")),
    }
}

/// The clock must tell what the database's tells, and must not lie behind what was stamped before.
async fn clock(installation: &Installation, report: &mut Report) {
    match clock::ahead_of(|| installation.store.time()).await {
        Err(error) => return report.wrong("clock", format!("can't be compared with the database's: {error}")),
        Ok((ahead, within)) if Duration::from_millis(ahead.unsigned_abs()) > SKEW + within => {
            return report.wrong("clock", skewed(ahead));
        }
        Ok(_) => {}
    }
    let latest = latest_entry(installation).await;
    let now = installation.clock.now();
    if now < EARLIEST {
        return report.wrong("clock", format!("it says {now}, which is before this program was made"));
    }
    match latest {
        Err(failure) => report.wrong("clock", format!("can't be compared with the audit log: {failure}")),
        Ok(Some(latest)) if latest > now + LEAD => {
            report
                .wrong("clock", format!("it says {now}, but the audit log has an entry of {latest}: it was set back"));
        }
        Ok(_) => report.good("clock", format!("it says {now}, and nothing on record is later")),
    }
}

fn skewed(ahead: i64) -> String {
    let (seconds, which) =
        (Duration::from_millis(ahead.unsigned_abs()).as_secs_f64(), if ahead > 0 { "ahead of" } else { "behind" });
    format!(
        "this machine's is {seconds:.1} s {which} the database's: a server here goes by the database's all the same, but the \
         times in its log are off, and certificates are checked by it; keep it by NTP"
    )
}

async fn latest_entry(installation: &Installation) -> Result<Option<Timestamp>, Failure> {
    let store = &installation.store;
    let request = PageRequest { limit: PageLimit::clamped(1), order: Order::Newest, ..PageRequest::default() };
    let mut latest = None;
    for workspace in store.organizations().await? {
        let page = store.entries(workspace.meta.id, &audit::AuditFilter::default(), &request).await?;
        latest = latest.max(page.items.first().map(|newest| newest.entry.occurred_at));
    }
    Ok(latest)
}

async fn sealing(installation: &Installation, report: &mut Report) {
    match installation.store.tail(None).await {
        Err(error) => report.wrong("audit log", error.to_string()),
        Ok(tail) => {
            let age = tail.oldest.map(|oldest| installation.clock.now().since(oldest)).unwrap_or_default();
            if age > SEAL_WITHIN {
                report.wrong(
                    "audit log",
                    format!(
                        "{} entries wait to be sealed, the oldest for {} s: no server is running, or its sealer fails",
                        tail.entries,
                        age.as_secs()
                    ),
                );
            } else {
                report.good(
                    "audit log",
                    format!("{} entries wait to be sealed, none for longer than 10 s", tail.entries),
                );
            }
        }
    }
}
