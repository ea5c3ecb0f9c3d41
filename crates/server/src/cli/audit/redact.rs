//! `novantra audit redact`: the removal of the content of one entry, which the log records.

use std::time::Duration;

use audit::{
    AuditFilter, ENTRY_REDACTED, Head, Redaction, SealedEntry, StoredEntry, is_redactable, recorded_redaction,
};
use audit_store::Redacted;
use clap::Args;
use kernel::{Actor, ActorKind, Entry, Id, OrganizationId, PageLimit, PageRequest, Reason, StoreError};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{WorkspaceArgs, verify::find_log};
use crate::{
    cli::CommandContext,
    compose::{Installation, OPERATOR, command_origin},
    failure::Failure,
    operations::AuditSealer,
};

const COMMAND: &str = "audit redact";

/// The time in which a running server must have removed the content.
const TIMEOUT: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct Redact {
    /// The identifier of the entry.
    #[arg(value_name = "ENTRY")]
    entry: String,
    #[command(flatten)]
    log: WorkspaceArgs,
    /// The reason, which the log records with the name of the entry.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Remove the content. Without it, the command says what it would remove.
    #[arg(long)]
    yes: bool,
}

/// Removes the content of an entry.
///
/// # Errors
/// If there is no such entry, or it can't be redacted.
pub(super) async fn redact(context: &CommandContext, args: &Redact) -> Result<(), Failure> {
    let entry = &args.entry;
    let id: Id<Entry> = entry
        .parse()
        .map_err(|_| Failure::usage(format!("{entry:?} is not the identifier of an audit entry, such as aud_…")))?;
    let reason = Reason::parse(&args.reason).map_err(|error| Failure::usage(format!("--reason {error}")))?;
    let redacted = Installation::with(&context.settings, async |installation| {
        let (name, log) = find_log(installation, &args.log.workspace).await?;
        let target = Target { installation, log, id };
        target.redact(&name, &reason, args.yes).await
    })
    .await?;
    let sequence = redacted.sequence;
    context.output.print(&json!({ "redacted": id.to_string(), "sequence": sequence, "hash": redacted.hash.to_string() }), || {
        format!(
            "the content of {id} (sequence {sequence}) was removed from the database, which the log records; its hash stays, so the \
             log verifies as before\nnext: backups, exports and copies of the database still have it, and so have the files of the \
             database until it uses their space again"
        )
    })
}

/// The entry that is to be redacted.
struct Target<'a> {
    installation: &'a Installation,
    log: OrganizationId,
    id: Id<Entry>,
}

impl Target<'_> {
    async fn redact(&self, name: &str, reason: &Reason, is_confirmed: bool) -> Result<Head, Failure> {
        let sealed = self.installation.published_log().log().sealed_entry(self.log, self.id).await?;
        let missing = || Failure::new(format!("the audit log of {name} has no sealed entry {}", self.id));
        let seal = sealed.as_ref().and_then(SealedEntry::seal).ok_or_else(missing)?;
        let redaction = Redaction { id: self.id, entry: Head { sequence: seal.sequence, hash: seal.hash } };
        let Some(SealedEntry::Entry(stored)) = sealed else {
            let record = self.record(&redaction).await?.map_or_else(|| "no entry".to_owned(), |id| id.to_string());
            return Err(Failure::new(format!(
                "the content of {} was removed before, as {record} records: nothing was done now",
                self.id
            )));
        };
        if !is_redactable(&stored.entry) {
            return Err(Failure::new(format!(
                "{} is an entry that the log has about itself ({}), by which others verify it: it can't be redacted",
                self.id, stored.entry.action
            )));
        }
        self.require_redactable(&redaction).await?;
        if !is_confirmed {
            return Err(Failure::new(describe(&stored)));
        }
        let record = match self.record(&redaction).await? {
            Some(record) => record,
            None => self.append(&redaction, reason).await?,
        };
        self.wait(record).await?;
        Ok(redaction.entry)
    }

    /// Requires that the entry can be redacted, before anything is recorded.
    async fn require_redactable(&self, redaction: &Redaction) -> Result<(), Failure> {
        let redactor = AuditSealer::redactor(self.installation);
        match redactor.examine(self.log, redaction).await? {
            Redacted::Unconverted => Err(Failure::new(
                "the entry is of an earlier version, and is converted in the background while a server runs: run this command again \
                 after that (novantra check has the number of entries that are left)",
            )),
            Redacted::Archived => Err(Failure::new(
                "the entry is in the archive, whose objects don't change: its content can't be removed before its object is",
            )),
            // Something may be moved at this moment, which the redaction itself looks at again.
            _ => Ok(()),
        }
    }

    /// The entry that records the redaction already, because an earlier command was interrupted.
    async fn record(&self, redaction: &Redaction) -> Result<Option<Id<Entry>>, StoreError> {
        let filter = AuditFilter {
            actions: [ENTRY_REDACTED.as_str().to_owned()].into(),
            subjects: [self.id.to_string()].into(),
            ..AuditFilter::default()
        };
        let mut page = PageRequest { limit: PageLimit::clamped(10), ..PageRequest::default() };
        loop {
            let found = self.installation.store.entries(self.log, &filter, &page).await?;
            let is_record = |stored: &&StoredEntry| recorded_redaction(&stored.entry) == Some(*redaction);
            if let Some(stored) = found.items.iter().find(is_record) {
                return Ok(Some(stored.entry.id));
            }
            let Some(next) = found.next else { return Ok(None) };
            page.after = Some(next);
        }
    }

    async fn append(&self, redaction: &Redaction, reason: &Reason) -> Result<Id<Entry>, StoreError> {
        let Installation { store, entropy, .. } = self.installation;
        let timestamp = store.begin_entry();
        let at = timestamp.at();
        let id = Id::new(entropy.ulid(at));
        let entry = Entry {
            id,
            organization: self.log,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor: Actor { kind: ActorKind::System, id: None, name: OPERATOR.into() },
            action: ENTRY_REDACTED,
            subject: Some(redaction.subject()),
            reason: Some(reason.clone()),
            changes: redaction.changes(),
            origin: command_origin(&**entropy, at, COMMAND),
            status: None,
        };
        store.append(entry, timestamp).await?;
        Ok(id)
    }

    /// Waits until the content was removed: by a running server once it has sealed the record, or else here.
    async fn wait(&self, record: Id<Entry>) -> Result<(), Failure> {
        let mut sealer = AuditSealer::new(self.installation);
        let deadline = Instant::now() + TIMEOUT;
        loop {
            sealer.seal_tail().await?;
            match sealer.redact(self.log, record).await? {
                Redacted::Done | Redacted::Already => break,
                Redacted::Unconverted | Redacted::Archived | Redacted::NoEntry | Redacted::Protected => {
                    return Err(Failure::new(
                        "the entry has changed since this command began: run it again, and see novantra audit verify",
                    ));
                }
                // A server seals and redacts.
                Redacted::Unrecorded | Redacted::Refused if Instant::now() < deadline => sleep(POLL_INTERVAL).await,
                Redacted::Unrecorded | Redacted::Refused => {
                    return Err(Failure::new(
                        "the redaction is recorded, but the server that seals the log has not done it within 30 s: run this command \
                         again, and see novantra check",
                    ));
                }
            }
        }
        sealer.seal_tail().await?;
        Ok(())
    }
}

/// The text that asks for a confirmation.
fn describe(stored: &StoredEntry) -> String {
    let entry = &stored.entry;
    let subject = entry.subject.as_ref().map(|subject| format!(" of {}", subject.id)).unwrap_or_default();
    format!(
        "{} is {}{subject} by {} at {}. Its content would be removed for good, which the log would record. To do so, add --yes",
        entry.id, entry.action, entry.actor.name, entry.occurred_at
    )
}
