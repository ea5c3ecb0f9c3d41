//! Reading the audit log.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use ::audit::{
    AuditFilter, AuditLog, Checkpoint, Head, Seal, SealedBatch, Signature, StoredEntry, Unsealed, UnsealedStats,
};
use async_trait::async_trait;
use kernel::{Entry, Id, OrganizationId, Page, PageRequest, SnapshotStream, StoreError, StreamRequest};

use super::{
    entry::{self, FILTERS, LOG_COLUMNS, LOG_VIEW},
    removal, seal,
};
use crate::{
    engine::{RowReader, Session, Sql, Value, column_list, corrupt},
    ports::SqlStore,
    records::{
        ListPlan, ListQuery, ListStatement, Source, StatementCache,
        streaming::{self, to_page_request},
        table::text_filter,
    },
};

static LISTS: LazyLock<StatementCache<ListPlan>> = LazyLock::new(StatementCache::default);
static ONE: LazyLock<Sql> = LazyLock::new(|| {
    let columns = column_list("", LOG_COLUMNS.iter().map(|column| column.name));
    Sql::from_text(&format!("SELECT {columns} FROM {LOG_VIEW} WHERE organization_id = ? AND id = ?"))
});
/// The condition on the changes is that of the index.
pub(crate) static CHANGES: LazyLock<Sql> = LazyLock::new(|| {
    let columns = column_list("", LOG_COLUMNS.iter().map(|column| column.name));
    Sql::from_text(&format!(
        "SELECT {columns} FROM {LOG_VIEW} WHERE organization_id = ? AND subject_id = ? AND changes <> '[]' \
         ORDER BY id DESC LIMIT ?"
    ))
});
static SEALED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT entry_id, sequence, previous_hash, hash FROM audit_seals WHERE organization_id = ? AND sequence > ? \
         ORDER BY sequence LIMIT ?",
    )
});
/// Finds the next organization with unsealed entries: across all organizations, since the sealer serves them all.
static NEXT_UNSEALED_ORGANIZATION: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT min(organization_id) FROM audit_waiting WHERE organization_id > ?"));
/// One statement, so that the unsealed entries and the head are read from one snapshot.
static UNSEALED_ENTRIES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT w.id, h.sequence, h.hash FROM \
         (SELECT organization_id, id FROM audit_waiting WHERE organization_id = ? ORDER BY id LIMIT ?) AS w \
         LEFT JOIN audit_heads AS h ON h.organization_id = w.organization_id ORDER BY w.id",
    )
});
static CHECKPOINTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, sequence, hash, signed_at, signature FROM audit_checkpoints \
         WHERE organization_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    )
});
static HEAD: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT sequence, hash FROM audit_heads WHERE organization_id = ?"));
/// Counts every entry without a seal, including one that was removed by hand from the table of unsealed entries.
static UNSEALED_STATS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT count(*), min(e.occurred_at) FROM audit_entries AS e WHERE e.organization_id = ? AND NOT EXISTS \
         (SELECT 1 FROM audit_seals AS s WHERE s.organization_id = e.organization_id AND s.entry_id = e.id)",
    )
});
/// The entries are read in a subquery, because a planner could start a join with them.
static UNSEALED_STATS_OF_ALL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT count(*), min((SELECT e.occurred_at FROM audit_entries AS e \
         WHERE e.organization_id = w.organization_id AND e.id = w.id)) FROM audit_waiting AS w",
    )
});
static WAITING_STATS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT count(*), min((SELECT e.occurred_at FROM audit_entries AS e \
         WHERE e.organization_id = w.organization_id AND e.id = w.id)) FROM \
         (SELECT organization_id, id FROM audit_waiting WHERE organization_id = ? ORDER BY id LIMIT ?) AS w",
    )
});

#[async_trait]
impl AuditLog for SqlStore {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredEntry>, StoreError> {
        let statement = entry_list(organization, filter, page, self.scan_limit);
        let (rows, as_of) =
            self.read_page(self.in_flight.low_watermark(), page.limit, statement, entry::read_with_seal).await?;
        Ok(rows.into_page(page.limit, as_of, |stored| page.order.entry_position(&stored.entry)))
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<StoredEntry>, StoreError> {
        self.open_stream(
            self.in_flight.low_watermark(),
            entry_stream(organization, filter, request),
            entry::read_with_seal,
        )
        .await
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<StoredEntry>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine
            .read(values, |values, session| Box::pin(session.fetch_one(&ONE, values, entry::read_with_seal)))
            .await
    }

    async fn changes(
        &self,
        organization: OrganizationId,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), subject.to_owned().into(), Value::limit(limit)];
        self.engine
            .read(values, |values, session| Box::pin(session.fetch(&CHANGES, values, entry::read_with_seal)))
            .await
    }

    async fn organizations_with_unsealed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let after = after.map_or_else(String::new, |after| after.ulid().to_string());
        self.engine
            .read((after, limit), |(after, limit), session| {
                Box::pin(organizations_with_unsealed(session, after.clone(), *limit))
            })
            .await
    }

    async fn unsealed(&self, organization: OrganizationId, limit: usize) -> Result<Option<Unsealed>, StoreError> {
        self.engine
            .read((organization, limit), |(organization, limit), session| {
                Box::pin(unsealed(session, *organization, *limit))
            })
            .await
    }

    async fn seal(&self, batch: &SealedBatch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        let input = (Arc::clone(&self.installation_guard), batch.clone(), *checkpoint);
        self.engine
            .write(input, |(guard, batch, checkpoint), session| {
                Box::pin(async move {
                    // A seal under the wrong key can't be undone.
                    guard.verify(session).await?;
                    seal::store(session, batch, checkpoint).await
                })
            })
            .await
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let input = (organization, after, limit);
        self.engine
            .read(input, |(organization, after, limit), session| {
                Box::pin(sealed(session, *organization, *after, *limit))
            })
            .await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), after.into(), Value::limit(limit)];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&CHECKPOINTS, values, checkpoint))).await
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        let values: [Value<'static>; 1] = [organization.into()];
        let head = self.engine.read(values, |values, session| Box::pin(session.fetch_one(&HEAD, values, head))).await?;
        Ok(head.unwrap_or(Head::EMPTY))
    }

    async fn removed(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        self.engine.read(organization, |organization, session| Box::pin(removal::removed(session, *organization))).await
    }

    async fn remove_entries(&self, organization: OrganizationId, after: Head, last: Head) -> Result<bool, StoreError> {
        let input = (organization, after, last);
        self.engine
            .write(input, |(organization, after, last), session| {
                Box::pin(removal::remove(session, *organization, *after, *last))
            })
            .await
    }

    async fn unsealed_stats(&self, organization: Option<OrganizationId>) -> Result<UnsealedStats, StoreError> {
        let sql: &'static Sql = if organization.is_some() { &UNSEALED_STATS } else { &UNSEALED_STATS_OF_ALL };
        self.read_stats(sql, organization.map(Value::from).into_iter().collect()).await
    }

    async fn waiting_stats(&self, organization: OrganizationId, limit: usize) -> Result<UnsealedStats, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read_stats(&WAITING_STATS, vec![organization.into(), limit.into()]).await
    }
}

impl SqlStore {
    async fn read_stats(&self, sql: &'static Sql, values: Vec<Value<'static>>) -> Result<UnsealedStats, StoreError> {
        let read = |cells: &mut RowReader<'_>| Ok(UnsealedStats { entries: cells.count()?, oldest: cells.opt_time()? });
        let input = (sql, values, read);
        let stats = self
            .engine
            .read(input, |(sql, values, read), session| Box::pin(session.fetch_one(sql, values, read)))
            .await?;
        stats.ok_or_else(|| corrupt("the count returned no row"))
    }
}

/// The statement of a list of entries that scans at most `scan_limit` of them.
pub(crate) fn entry_list(
    organization: OrganizationId,
    filter: &AuditFilter,
    page: &PageRequest,
    scan_limit: usize,
) -> ListStatement {
    let query = ListQuery::for_entries(organization.into(), filter_values(filter), page);
    query.statement(&LISTS, source(), scan_limit)
}

/// The statement of a stream of entries, and its values.
pub(crate) fn entry_stream(
    organization: OrganizationId,
    filter: &AuditFilter,
    request: &StreamRequest,
) -> (Arc<Sql>, Vec<Value<'static>>) {
    let query = ListQuery::for_entries(organization.into(), filter_values(filter), &to_page_request(request));
    streaming::statement(query, source())
}

fn source() -> Source<'static> {
    Source { table: LOG_VIEW, columns: &LOG_COLUMNS, filters: FILTERS, parent: None, unindexed: "request_id" }
}

/// The values for each of [`FILTERS`].
fn filter_values(filter: &AuditFilter) -> Vec<Vec<Value<'static>>> {
    vec![text_filter(&filter.subjects), text_filter(&filter.actors), text_filter(&filter.actions)]
}

/// Finds organizations with unsealed entries: one index lookup per organization, however many entries there are.
async fn organizations_with_unsealed(
    session: &Session,
    mut after: String,
    limit: usize,
) -> Result<Vec<OrganizationId>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit {
        let next = session
            .fetch_one(&NEXT_UNSEALED_ORGANIZATION, &[Value::text(&after)], |cells| {
                Ok(cells.opt_text()?.map(str::to_owned))
            })
            .await?;
        let Some(next) = next.flatten() else { break };
        match next.parse() {
            Ok(id) => found.push(Id::new(id)),
            // A row that was changed by hand must not stop the sealing of other organizations.
            Err(_) => tracing::error!("an unsealed audit entry has a malformed organization id: {next:?}"),
        }
        after = next;
    }
    Ok(found)
}

async fn unsealed(
    session: &Session,
    organization: OrganizationId,
    limit: usize,
) -> Result<Option<Unsealed>, StoreError> {
    let values = [organization.into(), Value::limit(limit)];
    let unsealed = session.fetch(&UNSEALED_ENTRIES, &values, |cells| Ok((cells.id()?, head(cells)?))).await?;
    let Some((_, head)) = unsealed.first().copied() else { return Ok(None) };
    let ids: Vec<Id<Entry>> = unsealed.into_iter().map(|(id, _)| id).collect();
    let entries = entry::by_ids(session, organization, &ids).await?;
    let found: HashSet<Id<Entry>> = entries.iter().map(|entry| entry.id).collect();
    match ids.iter().find(|id| !found.contains(id)) {
        Some(missing) => Err(corrupt(format!("entry {missing} is unsealed but no longer exists"))),
        None => Ok(Some(Unsealed { organization, head, entries })),
    }
}

/// Reads sealed entries. An entry that was deleted is omitted, which leaves a gap in the sequence.
async fn sealed(
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
    let ids: Vec<Id<Entry>> = seals.iter().map(|(id, _)| *id).collect();
    let entries = entry::by_ids(session, organization, &ids).await?;
    let mut entries: HashMap<_, _> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
    let with_entry = |(id, seal)| Some(StoredEntry { entry: entries.remove(&id)?, seal: Some(seal) });
    Ok(seals.into_iter().filter_map(with_entry).collect())
}

#[cfg(test)]
pub(crate) fn unsealed_statements() -> [(&'static Sql, Vec<Value<'static>>); 2] {
    [(&NEXT_UNSEALED_ORGANIZATION, vec![Value::text("")]), (&UNSEALED_ENTRIES, vec![Value::text("A"), Value::Int(1)])]
}

/// Reads a head, which is that of an empty chain if the columns are null.
fn head(cells: &mut RowReader<'_>) -> Result<Head, StoreError> {
    Ok(match (cells.opt_int()?, cells.opt_parsed(str::parse)?) {
        (Some(sequence), Some(hash)) => Head { sequence, hash },
        _ => Head::EMPTY,
    })
}

fn checkpoint(cells: &mut RowReader<'_>) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        organization: cells.id()?,
        sequence: cells.int()?,
        hash: cells.parsed(str::parse)?,
        signed_at: cells.time()?,
        signature: Signature(cells.blob()?.try_into().map_err(corrupt)?),
    })
}

#[async_trait]
impl ::audit::HasAuditTables for SqlStore {
    fn audit_tables(&self) -> std::sync::Arc<dyn ::audit::AuditTables> {
        unimplemented!()
    }

    fn authenticate_rows(&self, _: std::sync::Arc<dyn ::audit::RowKey>) {
        unimplemented!()
    }

    async fn settle_rows(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
}
