//! An entry as a row.

use std::{
    borrow::{Borrow, Cow},
    sync::LazyLock,
};

use ::audit::{Recorded, Seal};
use kernel::{Action, Actor, ActorKind, Entry, Id, OrganizationId, Origin, StoreError, Subject};

use super::changes;
use crate::{
    engine::{Bulk, Cells, Column, Session, Value, corrupt},
    table::Filter,
};

pub(crate) const TABLE: &str = "audit_entries";

/// How many of [`COLUMNS`] an entry has before it has its place in the chain.
const UNSEALED: usize = 17;

pub(crate) const COLUMNS: [Column; 20] = [
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
    Column::int("sequence"),
    Column::text("previous_hash"),
    Column::text("hash"),
];

/// What a list is narrowed by. Each has an index (organization, column, id).
pub(super) const FILTERS: &[Filter] =
    &[Filter::by_subject("subject_id"), Filter::by_word("actor_id"), Filter::by_word("action")];

static INSERT: LazyLock<Bulk> = LazyLock::new(|| Bulk::insert(TABLE, COLUMNS.split_at(UNSEALED).0));

/// Stores entries, unsealed.
pub(crate) async fn insert(session: &Session, entries: &[impl Borrow<Entry> + Sync]) -> Result<(), StoreError> {
    let rows: Vec<_> = entries.iter().map(|entry| row(entry.borrow())).collect();
    match session.store(&INSERT, &rows).await?.and_then(|place| entries.get(place)) {
        None => Ok(()),
        Some(entry) => Err(corrupt(format!("there is an entry {} already", entry.borrow().id))),
    }
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
pub(super) fn read(cells: &mut Cells<'_>) -> Result<Recorded, StoreError> {
    let (organization, id) = (cells.id()?, cells.id()?);
    // A row that was written to by hand is to be found, whatever was made of it.
    read_rest(cells, organization, id).map_err(|error| match error {
        StoreError::Corrupt(source) => corrupt(format!("entry {id}: {source}")),
        error => error,
    })
}

fn read_rest(cells: &mut Cells<'_>, organization: OrganizationId, id: Id<Entry>) -> Result<Recorded, StoreError> {
    let entry = Entry {
        organization,
        id,
        occurred_at: cells.time()?,
        actor: Actor {
            kind: cells.parsed(|word| ActorKind::from_name(word).ok_or("no such kind of actor"))?,
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
    };
    Ok(Recorded { entry, seal: seal(cells)? })
}

fn subject(cells: &mut Cells<'_>) -> Result<Option<Subject>, StoreError> {
    match (owned(cells)?, owned(cells)?) {
        (Some(kind), Some(id)) => Ok(Some(Subject { kind: Cow::Owned(kind), id })),
        (None, None) => Ok(None),
        _ => Err(corrupt("an entry has half a subject")),
    }
}

fn seal(cells: &mut Cells<'_>) -> Result<Option<Seal>, StoreError> {
    match (cells.opt_int()?, cells.opt_parsed(str::parse)?, cells.opt_parsed(str::parse)?) {
        (Some(sequence), Some(previous_hash), Some(hash)) => Ok(Some(Seal { sequence, previous_hash, hash })),
        (None, None, None) => Ok(None),
        _ => Err(corrupt("an entry has half a seal")),
    }
}

fn owned(cells: &mut Cells<'_>) -> Result<Option<String>, StoreError> {
    Ok(cells.opt_text()?.map(str::to_owned))
}
