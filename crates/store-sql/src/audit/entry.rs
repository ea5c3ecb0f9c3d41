//! The rows of audit entries.

use std::{
    borrow::{Borrow, Cow},
    sync::LazyLock,
};

use ::audit::{Seal, StoredEntry};
use kernel::{Action, Actor, ActorKind, Entry, Id, OrganizationId, Origin, StoreError, Subject};

use super::changes;
use crate::{
    engine::{Bulk, Cells, Column, Session, Value, corrupt},
    shape::listed,
    table::Filter,
};

pub(crate) const TABLE: &str = "audit_entries";

/// The table of the keys of unsealed entries.
pub(crate) const WAITING: &str = "audit_waiting";

/// The view of entries with their seals.
pub(super) const LOG: &str = "audit_log";

pub(crate) const COLUMNS: [Column; 17] = [
    Column::text("organization_id"),
    Column::text("id"),
    Column::int("occurred_at"),
    Column::text("actor_kind"),
    Column::text("actor_id"),
    Column::text("actor_name"),
    Column::text("action"),
    Column::text("subject_kind"),
    Column::text("subject_id"),
    Column::text("reason"),
    Column::text("changes"),
    Column::text("request_id"),
    Column::text("method"),
    Column::text("route"),
    Column::text("source_address"),
    Column::text("user_agent"),
    Column::int("status"),
];

/// The columns of [`LOG_VIEW`].
pub(super) static LOGGED: LazyLock<Vec<Column>> = LazyLock::new(|| [&COLUMNS[..], &[Column::text("seal")]].concat());

/// The filters of a list. Each has an index (organization, column, id).
pub(super) const FILTERS: &[Filter] =
    &[Filter::by_subject("subject_id"), Filter::by_word("actor_id"), Filter::by_word("action")];

static INSERT: LazyLock<Bulk> = LazyLock::new(|| Bulk::plain_noting(TABLE, &COLUMNS, WAITING));

static NAMED: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = listed("", COLUMNS.iter().map(|column| column.name));
    let each = listed("e.", COLUMNS.iter().map(|column| column.name));
    Bulk::each(
        &COLUMNS[..2],
        &format!("SELECT {columns} FROM {TABLE} WHERE organization_id = ?1 AND id = ?2"),
        &format!(
            "SELECT {each} FROM {{rows}} JOIN {TABLE} AS e ON e.organization_id = v.organization_id AND e.id = v.id"
        ),
    )
});

/// Stores entries as unsealed.
pub(crate) async fn insert(session: &Session, entries: &[impl Borrow<Entry> + Sync]) -> Result<(), StoreError> {
    let rows: Vec<_> = entries.iter().map(|entry| row(entry.borrow())).collect();
    session.execute_each(&INSERT, &rows).await.map(drop)
}

/// Reads entries by id, ordered by id. Entries that do not exist are omitted.
pub(super) async fn named(
    session: &Session,
    organization: OrganizationId,
    ids: &[Id<Entry>],
) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> = ids.iter().map(|id| vec![organization.into(), (*id).into()]).collect();
    let mut entries = session.fetch_each(&NAMED, &rows, read).await?;
    entries.sort_unstable_by_key(|entry| entry.id);
    Ok(entries)
}

fn row(entry: &Entry) -> Vec<Value<'_>> {
    let (actor, subject, origin) = (&entry.actor, entry.subject.as_ref(), &entry.origin);
    vec![
        entry.organization.into(),
        entry.id.into(),
        entry.occurred_at.into(),
        Value::text(actor.kind.name()),
        Value::opt_text(actor.id.as_ref()),
        Value::text(&actor.name),
        Value::text(entry.action.as_str()),
        Value::opt_text(subject.map(|subject| &subject.kind)),
        Value::opt_text(subject.map(|subject| &subject.id)),
        Value::opt_text(entry.reason.as_ref()),
        Value::Text(changes::text(&entry.changes)),
        origin.request_id.into(),
        Value::opt_text(origin.method.as_ref()),
        Value::opt_text(origin.route.as_ref()),
        Value::opt_text(origin.source_address.as_ref()),
        Value::opt_text(origin.user_agent.as_ref()),
        Value::opt(entry.status.map(i64::from)),
    ]
}

/// Reads all of [`COLUMNS`].
pub(super) fn read(cells: &mut Cells<'_>) -> Result<Entry, StoreError> {
    let (organization, id) = (cells.id()?, cells.id()?);
    read_rest(cells, organization, id).map_err(|error| naming(id, error))
}

/// Reads all of [`LOG_COLUMNS`].
pub(super) fn read_logged(cells: &mut Cells<'_>) -> Result<StoredEntry, StoreError> {
    let entry = read(cells)?;
    let seal = cells.opt_parsed(seal).map_err(|error| naming(entry.id, error))?;
    Ok(StoredEntry { entry, seal })
}

/// Adds the entry's id to an error, so that a row that was changed by hand can be found.
fn naming(id: Id<Entry>, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(source) => corrupt(format!("entry {id}: {source}")),
        error => error,
    }
}

fn read_rest(cells: &mut Cells<'_>, organization: OrganizationId, id: Id<Entry>) -> Result<Entry, StoreError> {
    Ok(Entry {
        organization,
        id,
        occurred_at: cells.time()?,
        actor: Actor {
            kind: cells.parsed(|name| ActorKind::from_name(name).ok_or("the kind of actor is not supported"))?,
            id: cells.opt_text()?.map(Into::into),
            name: cells.text()?.into(),
        },
        action: Action(Cow::Owned(cells.text()?.to_owned())),
        subject: subject(cells)?,
        reason: cells.opt_kept()?,
        changes: cells.parsed(changes::parse)?,
        origin: Origin {
            request_id: cells.id()?,
            method: owned(cells)?.map(Cow::Owned),
            route: owned(cells)?.map(Cow::Owned),
            source_address: owned(cells)?,
            user_agent: owned(cells)?,
        },
        status: cells.opt_int()?.map(u16::try_from).transpose().map_err(corrupt)?,
    })
}

fn subject(cells: &mut Cells<'_>) -> Result<Option<Subject>, StoreError> {
    match (owned(cells)?, owned(cells)?) {
        (Some(kind), Some(id)) => Ok(Some(Subject { kind: Cow::Owned(kind), id })),
        (None, None) => Ok(None),
        _ => Err(corrupt("only one of the subject's kind and id is set")),
    }
}

/// Parses a seal from the form it has in [`LOG_VIEW`]: sequence, previous hash and hash, separated by spaces.
fn seal(text: &str) -> Result<Seal, &'static str> {
    const MALFORMED: &str = "the text is not a seal";
    let mut parts = text.split(' ');
    let mut next = || parts.next().ok_or(MALFORMED);
    Ok(Seal {
        sequence: next()?.parse().map_err(|_| MALFORMED)?,
        previous_hash: next()?.parse().map_err(|_| MALFORMED)?,
        hash: next()?.parse().map_err(|_| MALFORMED)?,
    })
}

fn owned(cells: &mut Cells<'_>) -> Result<Option<String>, StoreError> {
    Ok(cells.opt_text()?.map(str::to_owned))
}
