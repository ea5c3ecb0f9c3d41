//! The identity of an installation, and audit entries of changes of the installation as a whole.

use std::sync::Arc;

use audit::RowKey;
use audit_store::RowWriter;
use kernel::{
    Action, Actor, ActorKind, Change, Entropy, Entry, FieldValue, Id, OrganizationId, Origin, Reason, Timestamp,
};
use store_sql::{Database as SqlDatabase, InstallationChange};

use crate::failure::Failure;

/// The actor of changes from the command line.
pub(crate) const OPERATOR: &str = "command line";

/// The actor of changes that the server makes on its own.
pub(crate) const SERVER: &str = "novantra";

/// The author of a change: the name of the actor, the command, and the reason.
pub(super) struct Author<'a> {
    pub(super) name: &'a str,
    pub(super) command: &'a str,
    pub(super) reason: &'a Reason,
}

/// Returns the origin of an action of this command.
pub(crate) fn command_origin(entropy: &dyn Entropy, now: Timestamp, command: &str) -> Origin {
    Origin {
        request_id: Id::new(entropy.ulid(now)),
        method: None,
        route: Some(format!("novantra {command}").into()),
        source_address: None,
        user_agent: None,
    }
}

/// Creates the writer of the row with the audit entry of one change, which this key authenticates.
pub(super) fn row_writer(key: &Arc<dyn RowKey>, entropy: &dyn Entropy, now: Timestamp) -> RowWriter {
    let writer = RowWriter::new(entropy.ulid(now));
    writer.set_key(Arc::clone(key));
    writer
}

/// Creates an identifier for the installation.
pub(super) fn new_id(entropy: &dyn Entropy, now: Timestamp) -> String {
    entropy.ulid(now).to_string()
}

/// Renews the identity of a database that is marked as a duplicate of another one. Returns its new identifier.
///
/// # Errors
/// If the store fails.
pub(super) async fn renew_duplicate(
    sql: &SqlDatabase,
    rows: &Arc<dyn RowKey>,
    entropy: &dyn Entropy,
    now: Timestamp,
    author: &Author<'_>,
) -> Result<Option<String>, Failure> {
    if !sql.is_duplicate().await? {
        return Ok(None);
    }
    let (id, entry) = renewal(sql, entropy, now, author).await?;
    // Another process may have been first.
    let rows = row_writer(rows, entropy, now);
    let is_renewed = sql.change_installation(&InstallationChange::RenewDuplicate(id.clone()), &entry, rows).await?;
    Ok(is_renewed.then_some(id))
}

/// Renews the identity of a duplicate for a server that starts on it.
///
/// # Errors
/// If the store fails.
pub(super) async fn renew_at_start(
    sql: &SqlDatabase,
    rows: &Arc<dyn RowKey>,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(), Failure> {
    let reason = Reason::parse("first start of a restored or copied installation")?;
    let author = Author { name: SERVER, command: "serve", reason: &reason };
    if let Some(id) = renew_duplicate(sql, rows, entropy, now, &author).await? {
        tracing::warn!(
            "this installation was restored or copied from another one, so it has a new identifier, {id}, and a new token \
             signing key, and its webhooks are paused: start them with `novantra webhooks resume`"
        );
    }
    Ok(())
}

/// The new identifier of an installation, and the audit entry of its renewal.
pub(super) async fn renewal(
    sql: &SqlDatabase,
    entropy: &dyn Entropy,
    now: Timestamp,
    author: &Author<'_>,
) -> Result<(String, Entry), Failure> {
    let id = new_id(entropy, now);
    let before = FieldValue::from(sql.installation_id().await?);
    let change = Change { field: "id".into(), before, after: FieldValue::Text(id.clone()) };
    Ok((id, entry(entropy, now, author, "installation.renewed", change)))
}

/// Creates the audit entry of a change of the installation.
pub(super) fn entry(
    entropy: &dyn Entropy,
    now: Timestamp,
    Author { name, command, reason }: &Author<'_>,
    action: &'static str,
    change: Change,
) -> Entry {
    Entry {
        id: Id::new(entropy.ulid(now)),
        organization: OrganizationId::INSTALLATION,
        occurred_at: now,
        wall_clock: None,
        actor: Actor { kind: ActorKind::System, id: None, name: (*name).into() },
        action: Action::new(action),
        subject: None,
        reason: Some((*reason).clone()),
        changes: vec![change],
        origin: command_origin(entropy, now, command),
        status: None,
    }
}
