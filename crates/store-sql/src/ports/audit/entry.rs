//! The rows of entries of the old form, which only a migrated database has.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::{AuditFilter, Seal, StoredEntry};
use kernel::{Action, Actor, ActorKind, Entry, Id, OrganizationId, Origin, PageRequest, StoreError, Subject};

use super::changes;
use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Value, column_list, corrupt, names_organizations},
    records::{
        ListPlan, ListQuery, ListStatement, Source, StatementCache,
        table::{Filter, text_filter},
    },
    schema::audit_tables::AUDIT_ENTRIES,
};

const TABLE: &str = AUDIT_ENTRIES.name;
const COLUMNS: [Column; 18] = AUDIT_ENTRIES.columns;

/// The view of entries with their seals.
pub(super) const LOG_VIEW: &str = "audit_log";

/// The columns of [`LOG_VIEW`].
pub(super) static LOG_COLUMNS: LazyLock<Vec<Column>> =
    LazyLock::new(|| [&COLUMNS[..], &[Column::text("seal")]].concat());

/// The filters of a list, in the order of their values. Each has an index (organization, column, id).
const FILTERS: &[Filter] =
    &[Filter::selective("subject_id"), Filter::unselective("actor_id"), Filter::unselective("action")];

static LISTS: LazyLock<StatementCache<ListPlan>> = LazyLock::new(StatementCache::default);

static BY_KEYS: LazyLock<BatchStatement> = LazyLock::new(|| {
    let columns = column_list("", COLUMNS.iter().map(|column| column.name));
    let each = column_list("e.", COLUMNS.iter().map(|column| column.name));
    BatchStatement::for_each(
        &COLUMNS[..2],
        &format!("SELECT {columns} FROM {TABLE} WHERE organization_id = ?1 AND id = ?2"),
        &format!(
            "SELECT {each} FROM {{rows}} JOIN {TABLE} AS e ON e.organization_id = v.organization_id AND e.id = v.id \
             WHERE {}",
            names_organizations("e.", 1)
        ),
    )
});

/// The statement of a list of entries that scans at most `scan_limit` of them.
pub(crate) fn entry_list(
    organization: OrganizationId,
    filter: &AuditFilter,
    page: &PageRequest,
    scan_limit: usize,
) -> ListStatement {
    let filters = vec![text_filter(&filter.subjects), text_filter(&filter.actors), text_filter(&filter.actions)];
    let source =
        Source { table: LOG_VIEW, columns: &LOG_COLUMNS, filters: FILTERS, parent: None, unindexed: "request_id" };
    ListQuery::for_entries(organization.into(), filters, page).statement(&LISTS, source, scan_limit)
}

/// Reads entries by organization and identifier, in this order. Entries that do not exist are omitted.
pub(super) async fn by_keys(session: &Session, keys: &[(OrganizationId, Id<Entry>)]) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> = keys.iter().map(|(of, id)| vec![(*of).into(), (*id).into()]).collect();
    let mut entries = session.fetch_each(&BY_KEYS, &rows, read).await?;
    entries.sort_unstable_by_key(|entry| (entry.organization, entry.id));
    Ok(entries)
}

/// Reads all of [`COLUMNS`].
pub(super) fn read(cells: &mut RowReader<'_>) -> Result<Entry, StoreError> {
    let (organization, id) = (cells.id()?, cells.id()?);
    read_fields(cells, organization, id).map_err(|error| with_entry_id(id, error))
}

/// Reads all of [`LOG_COLUMNS`].
pub(super) fn read_with_seal(cells: &mut RowReader<'_>) -> Result<StoredEntry, StoreError> {
    let entry = read(cells)?;
    let seal = cells.opt_parsed(parse_seal).map_err(|error| with_entry_id(entry.id, error))?;
    Ok(StoredEntry { entry, seal })
}

/// Adds the entry's id to an error, so that a row that was changed by hand can be found.
fn with_entry_id(id: Id<Entry>, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(source) => corrupt(format!("entry {id}: {source}")),
        error => error,
    }
}

fn read_fields(cells: &mut RowReader<'_>, organization: OrganizationId, id: Id<Entry>) -> Result<Entry, StoreError> {
    let entry = Entry {
        organization,
        id,
        occurred_at: cells.time()?,
        wall_clock: None,
        actor: Actor {
            kind: cells.parsed(|name| ActorKind::from_name(name).ok_or("the kind of actor is not supported"))?,
            id: cells.opt_text()?.map(Into::into),
            name: cells.text()?.into(),
        },
        action: Action(Cow::Owned(cells.text()?.to_owned())),
        subject: subject(cells)?,
        reason: cells.opt_trusted()?,
        changes: cells.parsed(changes::from_json)?,
        origin: Origin {
            request_id: cells.id()?,
            method: read_opt_string(cells)?.map(Cow::Owned),
            route: read_opt_string(cells)?.map(Cow::Owned),
            source_address: read_opt_string(cells)?,
            user_agent: read_opt_string(cells)?,
        },
        status: cells.opt_int()?.map(u16::try_from).transpose().map_err(corrupt)?,
    };
    // The last column: fields are read in the order of the columns.
    Ok(Entry { wall_clock: cells.opt_time()?, ..entry })
}

fn subject(cells: &mut RowReader<'_>) -> Result<Option<Subject>, StoreError> {
    match (read_opt_string(cells)?, read_opt_string(cells)?) {
        (Some(kind), Some(id)) => Ok(Some(Subject { kind: Cow::Owned(kind), id })),
        (None, None) => Ok(None),
        _ => Err(corrupt("only one of the subject's kind and id is set")),
    }
}

/// Parses a seal from the form it has in [`LOG_VIEW`]: sequence, previous hash and hash, separated by spaces.
fn parse_seal(text: &str) -> Result<Seal, &'static str> {
    const MALFORMED: &str = "the text is not a seal";
    let mut parts = text.split(' ');
    let mut next = || parts.next().ok_or(MALFORMED);
    Ok(Seal {
        sequence: next()?.parse().map_err(|_| MALFORMED)?,
        previous_hash: next()?.parse().map_err(|_| MALFORMED)?,
        hash: next()?.parse().map_err(|_| MALFORMED)?,
    })
}

fn read_opt_string(cells: &mut RowReader<'_>) -> Result<Option<String>, StoreError> {
    Ok(cells.opt_text()?.map(str::to_owned))
}
