//! The rows of entries that wait for their seal.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::tables::{WaitingKey, WaitingRow, WaitingStats};
use kernel::{OrganizationId, StoreError, Timestamp, Ulid};

use crate::{
    engine::{BatchStatement, RowReader, Session, Sql, Value, corrupt, pipeline2},
    schema::audit_tables::AUDIT_WAITING,
};

/// The number of rows that one statement reads for the sealer: several megabytes at most, usually all of them.
const PAGE_ROWS: usize = 64;

/// Stores rows of which none is stored. For one row, which is the rule, PostgreSQL looks nothing up.
pub(in crate::ports::audit) static INSERT_ROWS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_strict(AUDIT_WAITING.name, &AUDIT_WAITING.columns));
/// Stores those of the rows that are not stored.
pub(in crate::ports::audit) static INSERT_ROWS_AGAIN: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(AUDIT_WAITING.name, &AUDIT_WAITING.columns));
pub(crate) static DELETE_ROWS: LazyLock<BatchStatement> = LazyLock::new(|| BatchStatement::delete(AUDIT_WAITING.name));

pub(crate) static ROWS_OF: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id, entries, body FROM audit_waiting WHERE organization_id = ? AND id > ? \
         AND entries <> 0 ORDER BY id LIMIT ?",
    )
});
/// Across all organizations, since the sealer serves them all.
pub(crate) static PAGE_OF_ROWS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id, entries, body FROM audit_waiting WHERE (organization_id, id) > (?, ?) \
         ORDER BY organization_id, id LIMIT ?",
    )
});
static STATS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT CAST(COALESCE(sum(abs(entries)), 0) AS bigint), min(id) FROM audit_waiting \
         WHERE organization_id IN (?, ?) AND entries <> 0",
    )
});
static STATS_OF_ALL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT CAST(COALESCE(sum(abs(entries)), 0) AS bigint), min(id) FROM audit_waiting WHERE entries <> 0",
    )
});
static OLD_STATS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT count(*), min(id) FROM audit_old_waiting WHERE organization_id = ?"));
static OLD_STATS_OF_ALL: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT count(*), min(id) FROM audit_old_waiting"));

/// The values of a row.
pub(in crate::ports::audit) fn row_values(row: &WaitingRow) -> Vec<Value<'_>> {
    vec![
        row.key.organization.into(),
        row.key.id.into(),
        row.entries.into(),
        Value::Blob(Cow::Borrowed(row.body.as_slice())),
    ]
}

/// The values of keys, for [`DELETE_ROWS`].
pub(super) fn key_values(keys: &[WaitingKey]) -> Vec<Vec<Value<'_>>> {
    keys.iter().map(|key| vec![key.organization.into(), key.id.into()]).collect()
}

/// Reads up to `limit` rows with entries under an organization's key, after this identifier.
pub(super) async fn rows_of(
    session: &Session,
    organization: OrganizationId,
    after: Option<Ulid>,
    limit: usize,
) -> Result<Vec<WaitingRow>, StoreError> {
    let mut found: Vec<WaitingRow> = Vec::new();
    let mut after = after.map_or_else(String::new, |after| after.to_string());
    while found.len() < limit {
        let wanted = limit - found.len();
        let values = [organization.into(), Value::text(&after), Value::limit(wanted)];
        let page = session.fetch(&ROWS_OF, &values, ReadRow::read).await?;
        let is_last = page.len() < wanted;
        if let Some(last) = page.last() {
            after.clone_from(&last.id);
        }
        found.extend(page.into_iter().filter_map(|row| row.row));
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Reads up to `limit` rows after this key until their bodies have this number of bytes.
pub(super) async fn rows(
    session: &Session,
    after: Option<WaitingKey>,
    limit: usize,
    bytes: usize,
) -> Result<Vec<WaitingRow>, StoreError> {
    let (mut found, mut found_bytes): (Vec<WaitingRow>, usize) = (Vec::new(), 0);
    let mut after =
        after.map(|after| (after.organization.ulid().to_string(), after.id.to_string())).unwrap_or_default();
    while found.len() < limit {
        let wanted = PAGE_ROWS.min(limit - found.len());
        let values = [Value::text(&after.0), Value::text(&after.1), Value::limit(wanted)];
        let page = session.fetch(&PAGE_OF_ROWS, &values, ReadRow::read).await?;
        let is_last = page.len() < wanted;
        if let Some(last) = page.last() {
            after = (last.organization.clone(), last.id.clone());
        }
        for row in page.into_iter().filter_map(|row| row.row) {
            if found_bytes >= bytes && !found.is_empty() {
                return Ok(found);
            }
            found_bytes += row.body.len();
            found.push(row);
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Counts the entries that wait, also those of the old form.
pub(super) async fn stats(session: &Session, organization: Option<OrganizationId>) -> Result<WaitingStats, StoreError> {
    let (rows, old) = match organization {
        Some(organization) => {
            let owners = [organization.into(), OrganizationId::INSTALLATION.into()];
            pipeline2(session.fetch_one(&STATS, &owners, counted), session.fetch_one(&OLD_STATS, &owners[..1], counted))
                .await?
        }
        None => {
            pipeline2(
                session.fetch_one(&STATS_OF_ALL, &[], counted),
                session.fetch_one(&OLD_STATS_OF_ALL, &[], counted),
            )
            .await?
        }
    };
    let (rows, old) = (rows.unwrap_or_default(), old.unwrap_or_default());
    Ok(WaitingStats {
        entries: rows.entries + old.entries,
        oldest: [rows.oldest, old.oldest].into_iter().flatten().min(),
    })
}

fn counted(cells: &mut RowReader<'_>) -> Result<WaitingStats, StoreError> {
    let entries = cells.count()?;
    let oldest = cells.opt_parsed(Ulid::from_string)?.map(|id| i64::try_from(id.timestamp_ms()));
    Ok(WaitingStats { entries, oldest: oldest.transpose().map_err(corrupt)?.map(Timestamp::from_millis) })
}

/// A row with its key as it is stored.
struct ReadRow {
    organization: String,
    id: String,
    /// `None` if the key is malformed: no server wrote it, and it must not keep others from being read.
    row: Option<WaitingRow>,
}

impl ReadRow {
    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        let (organization, id) = (cells.text()?.to_owned(), cells.text()?.to_owned());
        let (entries, body) = (cells.int()?, cells.blob()?.to_vec());
        let key = canonical(&organization)
            .zip(canonical(&id))
            .map(|(organization, id)| WaitingKey { organization: OrganizationId::new(organization), id });
        if key.is_none() {
            tracing::error!("a row of entries that wait to be sealed has a malformed key: {organization:?}, {id:?}");
        }
        Ok(Self { organization, id, row: key.map(|key| WaitingRow { key, entries, body }) })
    }
}

fn canonical(text: &str) -> Option<Ulid> {
    Ulid::from_string(text).ok().filter(|id| id.to_string() == text)
}
