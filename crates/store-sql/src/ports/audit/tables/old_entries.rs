//! Entries of the old form, a row each.

use std::{collections::HashMap, sync::LazyLock};

use ::audit::{Seal, StoredEntry};
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, StoreError, Timestamp};

use crate::{
    engine::{RowReader, Script, Session, Sql, Value, column_list, corrupt},
    ports::{
        audit::entry::{self, LOG_COLUMNS, LOG_VIEW},
        reader::PageRows,
    },
    records::ListStatement,
};

static ONE: LazyLock<Sql> = LazyLock::new(|| {
    let columns = column_list("", LOG_COLUMNS.iter().map(|column| column.name));
    Sql::from_text(&format!("SELECT {columns} FROM {LOG_VIEW} WHERE organization_id = ? AND id = ?"))
});
static SEALED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT entry_id, sequence, previous_hash, hash FROM audit_seals WHERE organization_id = ? AND sequence > ? \
         ORDER BY sequence LIMIT ?",
    )
});
/// Across all organizations, since the sealer serves them all.
static WAITING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT organization_id, id FROM audit_old_waiting ORDER BY organization_id, id LIMIT ?")
});
/// The first row of each table that must be empty before all entries are deleted, and of one that must not be.
static IS_NEEDED: LazyLock<[Sql; 2]> = LazyLock::new(|| {
    ["audit_heads WHERE old_through > 0", "audit_old_waiting"]
        .map(|rows| Sql::from_text(&format!("SELECT CAST(1 AS bigint) FROM {rows} LIMIT 1")))
});
static ANY: LazyLock<[Sql; 2]> = LazyLock::new(|| {
    ["audit_entries", "audit_seals"]
        .map(|rows| Sql::from_text(&format!("SELECT CAST(1 AS bigint) FROM {rows} LIMIT 1")))
});
/// Deleting many rows one by one would take long and give PostgreSQL's disk back only later.
const DELETE_ALL: Script = Script {
    postgres: "TRUNCATE audit_seals;\nTRUNCATE audit_entries;",
    sqlite: "DELETE FROM audit_seals; DELETE FROM audit_entries;",
};

/// Reads a page of a list. Entries that wait for their seal are left out.
pub(super) async fn page(
    session: &Session,
    list: &ListStatement,
    request: &PageRequest,
) -> Result<Page<StoredEntry>, StoreError> {
    let ListStatement { sql, values, has_row_kinds } = list;
    let mut rows = PageRows::with_capacity(request.limit);
    session.visit(sql, values, |cells| rows.push_row(cells, *has_row_kinds, entry::read_with_seal)).await?;
    let position = |stored: &StoredEntry| request.order.entry_position(&stored.entry);
    let mut page = rows.into_page(request.limit, Timestamp::MIN, position);
    page.items.retain(|stored| stored.seal.is_some());
    Ok(page)
}

/// Reads one sealed entry.
pub(super) async fn one(
    session: &Session,
    organization: OrganizationId,
    id: Id<Entry>,
) -> Result<Option<StoredEntry>, StoreError> {
    let found = session.fetch_one(&ONE, &[organization.into(), id.into()], entry::read_with_seal).await?;
    Ok(found.filter(|stored| stored.seal.is_some()))
}

/// Reads sealed entries. An entry that was deleted is omitted, which leaves a gap in the sequence.
pub(super) async fn sealed(
    session: &Session,
    organization: OrganizationId,
    after: i64,
    limit: usize,
) -> Result<Vec<StoredEntry>, StoreError> {
    let values = [organization.into(), after.into(), Value::limit(limit)];
    let read = |cells: &mut RowReader<'_>| {
        let (id, sequence) = (cells.id()?, cells.int()?);
        Ok((id, Seal { sequence, previous_hash: cells.parsed(str::parse)?, hash: cells.parsed(str::parse)? }))
    };
    let seals: Vec<(Id<Entry>, Seal)> = session.fetch(&SEALED, &values, read).await?;
    let keys: Vec<_> = seals.iter().map(|(id, _)| (organization, *id)).collect();
    let entries = entry::by_keys(session, &keys).await?;
    let mut entries: HashMap<_, _> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
    let with_entry = |(id, seal)| Some(StoredEntry { entry: entries.remove(&id)?, seal: Some(seal) });
    Ok(seals.into_iter().filter_map(with_entry).collect())
}

/// Reads entries that wait for their seal.
pub(super) async fn waiting(session: &Session, limit: usize) -> Result<Vec<Entry>, StoreError> {
    let keys = session.fetch(&WAITING, &[Value::limit(limit)], |cells| Ok((cells.id()?, cells.id()?))).await?;
    let entries = entry::by_keys(session, &keys).await?;
    let is_missing = |(of, id): &&(OrganizationId, Id<Entry>)| {
        entries.binary_search_by_key(&(*of, *id), |entry| (entry.organization, entry.id)).is_err()
    };
    match keys.iter().find(is_missing) {
        Some((_, missing)) => Err(corrupt(format!("entry {missing} waits for its seal but no longer exists"))),
        None => Ok(entries),
    }
}

/// Deletes all entries if no chain needs one of them.
pub(super) async fn delete_all(session: &Session) -> Result<(), StoreError> {
    if has_any(session, &IS_NEEDED).await? || !has_any(session, &ANY).await? {
        return Ok(());
    }
    session.run_script(&DELETE_ALL).await
}

async fn has_any(session: &Session, rows: &[Sql; 2]) -> Result<bool, StoreError> {
    for sql in rows {
        if session.fetch_one(sql, &[], |cells| cells.int()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
