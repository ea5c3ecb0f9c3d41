//! The beginning of a new generation of the audit logs, recorded in each of them.

use audit::tables::StoredHead;
use futures_util::future::try_join_all;
use kernel::{Action, Actor, ActorKind, Change, Entry, FieldValue, Id, StoreError};
use store::LogGeneration;

use super::AuditSealer;
use crate::{
    compose::{Installation, SERVER, command_origin},
    failure::Failure,
};

/// The action of the entries with which logs continue from an earlier state.
const LOG_CONTINUED: Action = Action::new("audit.log_continued");

/// Number of logs that are continued at a time.
const BATCH: usize = 64;

/// Records in each log, if a new generation of them has begun, that it continues from its present head under another name,
/// and seals that. The entries that the original sealed after that head are not in this database; checkpoints that were
/// kept elsewhere prove that they existed.
///
/// # Errors
/// If the store fails. The entries are recorded again then, when the next server starts.
pub(crate) async fn record_log_continuation(installation: &Installation) -> Result<(), Failure> {
    let store = &installation.store;
    let LogGeneration { name: Some(name), unrecorded: Some(before) } = store.log_generation().await? else {
        return Ok(());
    };
    let tables = store.audit_tables();
    let organizations = tables.organizations().await?;
    for batch in organizations.chunks(BATCH) {
        let heads = tables.heads(batch).await?;
        let sealed = heads.iter().filter(|head| head.head.sequence > 0);
        try_join_all(sealed.map(|head| continue_log(installation, head, &before, &name))).await?;
    }
    AuditSealer::new(installation).seal_tail().await?;
    store.set_log_generation_recorded().await?;
    tracing::warn!(
        "this database was restored or copied, so its audit logs go on under another name, {}: an entry of each log names its \
         last entry before that",
        installation.audit_logs.signer.origin()
    );
    Ok(())
}

async fn continue_log(
    installation: &Installation,
    head: &StoredHead,
    before: &str,
    name: &str,
) -> Result<(), StoreError> {
    let Installation { store, entropy, .. } = installation;
    let timestamp = store.begin_entry();
    let at = timestamp.at();
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let change = |field: &'static str, before, after| Change { field: field.into(), before, after };
    let mut changes = vec![
        change("generation", text(before), text(name)),
        change("last_sequence", FieldValue::Integer(head.head.sequence), FieldValue::Null),
        change("chain_hash", FieldValue::Text(head.head.hash.to_string()), FieldValue::Null),
    ];
    if let Some(tree) = &head.tree {
        changes.push(change("tree_root", FieldValue::Text(tree.root().to_string()), FieldValue::Null));
    }
    let entry = Entry {
        id: Id::new(entropy.ulid(at)),
        organization: head.organization,
        occurred_at: at,
        wall_clock: timestamp.differing_clock(),
        actor: Actor { kind: ActorKind::System, id: None, name: SERVER.into() },
        action: LOG_CONTINUED,
        subject: None,
        reason: None,
        changes,
        origin: command_origin(&**entropy, at, "serve"),
        status: None,
    };
    store.append(entry, timestamp).await
}
