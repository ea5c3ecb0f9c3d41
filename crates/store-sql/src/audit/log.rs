//! Reading the log.

use std::sync::{Arc, LazyLock};

use ::audit::{AuditFilter, AuditLog, Batch, Checkpoint, Head, Recorded, Signature, Tail, Unsealed};
use async_trait::async_trait;
use kernel::{Entry, Id, Order, OrganizationId, Page, PageRequest, Position, StoreError, StreamRequest, Streamed};
use sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use ulid::Ulid;

use super::{
    entry::{self, COLUMNS, FILTERS, TABLE},
    seal,
};
use crate::{
    engine::{Cells, Session, Sql, Value, corrupt},
    listing::Slice,
    shape::{Shape, place},
    store::SqlStore,
    streaming::{self, as_page},
    table::texts,
    texts::Texts,
};

static LISTS: LazyLock<Texts<Shape>> = LazyLock::new(Texts::default);
static ONE: LazyLock<Sql> = LazyLock::new(|| Sql::built(of_organization().and_where(Expr::col("id").eq(place()))));
static SEALED: LazyLock<Sql> = LazyLock::new(|| {
    let mut sealed = of_organization();
    sealed.and_where(Expr::col("sequence").gt(place())).order_by("sequence", sea_query::Order::Asc);
    Sql::built(sealed.limit(1))
});
/// Over all organizations: the sealer serves them all.
static NEXT_UNSEALED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(&format!("SELECT min(organization_id) FROM {TABLE} WHERE sequence IS NULL AND organization_id > ?"))
});
/// One statement, so that entries and head are of one moment.
static UNSEALED: LazyLock<Sql> = LazyLock::new(|| {
    let columns = COLUMNS.map(|column| format!("e.{}", column.name)).join(", ");
    Sql::fixed(&format!(
        "SELECT {columns}, h.sequence, h.hash FROM {TABLE} AS e \
         LEFT JOIN audit_heads AS h ON h.organization_id = e.organization_id \
         WHERE e.organization_id = ? AND e.sequence IS NULL ORDER BY e.id LIMIT ?"
    ))
});
static CHECKPOINTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "SELECT organization_id, sequence, hash, signed_at, signature FROM audit_checkpoints \
         WHERE organization_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    )
});
static HEAD: LazyLock<Sql> =
    LazyLock::new(|| Sql::fixed("SELECT sequence, hash FROM audit_heads WHERE organization_id = ?"));
static TAIL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed("SELECT count(*), min(occurred_at) FROM audit_entries WHERE sequence IS NULL AND organization_id = ?")
});
static WHOLE_TAIL: LazyLock<Sql> =
    LazyLock::new(|| Sql::fixed("SELECT count(*), min(occurred_at) FROM audit_entries WHERE sequence IS NULL"));

#[async_trait]
impl AuditLog for SqlStore {
    async fn entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<Recorded>, StoreError> {
        let statement = entry_list(organization, filter, page, self.reach, self.presence.row());
        let (looked, as_of) = self.slice(self.in_flight.horizon(), page.limit, statement, entry::read).await?;
        Ok(looked.page(page.limit, as_of, |recorded| match page.order {
            Order::Newest => Position::Newest(recorded.entry.id.ulid()),
            Order::Changed => Position::Changed(recorded.entry.occurred_at, recorded.entry.id.ulid()),
        }))
    }

    async fn stream_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        request: &StreamRequest,
    ) -> Result<Streamed<Recorded>, StoreError> {
        self.streamed(self.in_flight.horizon(), entry_stream(organization, filter, request), entry::read).await
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<Recorded>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine.read(values, |values, session| Box::pin(session.fetch_one(&ONE, values, entry::read))).await
    }

    async fn with_unsealed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let after = after.map_or_else(String::new, |after| after.ulid().to_string());
        self.engine
            .read((after, limit), |(after, limit), session| Box::pin(with_unsealed(session, after.clone(), *limit)))
            .await
    }

    async fn unsealed(&self, organization: OrganizationId, limit: usize) -> Result<Option<Unsealed>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), most(limit)];
        let rows = self
            .engine
            .read(values, |values, session| {
                Box::pin(session.fetch(&UNSEALED, values, |cells| Ok((entry::read(cells)?.entry, head(cells)?))))
            })
            .await?;
        let head = rows.first().map(|(_, head)| *head);
        let entries = rows.into_iter().map(|(entry, _)| entry).collect();
        Ok(head.map(|head| Unsealed { organization, head, entries }))
    }

    async fn seal(&self, batch: &Batch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        let given = (batch.clone(), *checkpoint);
        self.engine.write(given, |(batch, checkpoint), session| Box::pin(seal::store(session, batch, checkpoint))).await
    }

    async fn sealed(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), after.into(), most(limit)];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&SEALED, values, entry::read))).await
    }

    async fn checkpoints(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), after.into(), most(limit)];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&CHECKPOINTS, values, checkpoint))).await
    }

    async fn head(&self, organization: OrganizationId) -> Result<Head, StoreError> {
        let values: [Value<'static>; 1] = [organization.into()];
        let kept = self.engine.read(values, |values, session| Box::pin(session.fetch_one(&HEAD, values, head))).await?;
        Ok(kept.unwrap_or(Head::EMPTY))
    }

    async fn tail(&self, organization: Option<OrganizationId>) -> Result<Tail, StoreError> {
        let sql: &'static Sql = if organization.is_some() { &TAIL } else { &WHOLE_TAIL };
        let values: Vec<Value<'static>> = organization.map(Value::from).into_iter().collect();
        let read = |cells: &mut Cells<'_>| Ok(Tail { entries: cells.count()?, oldest: cells.opt_time()? });
        let given = (sql, values, read);
        let tail = self
            .engine
            .read(given, |(sql, values, read), session| Box::pin(session.fetch_one(sql, values, read)))
            .await?;
        tail.ok_or_else(|| corrupt("a count gave no row"))
    }
}

/// The statement of a list of entries that looks at `reach` of them at most, asked by this `process`, and its values.
pub(crate) fn entry_list(
    organization: OrganizationId,
    filter: &AuditFilter,
    page: &PageRequest,
    reach: usize,
    process: Ulid,
) -> (Arc<Sql>, Vec<Value<'static>>) {
    let slice = Slice::of_entries(organization.into(), narrow(filter), page);
    slice.statement(&LISTS, TABLE, &COLUMNS, FILTERS, reach, process)
}

/// The statement of a stream of entries, and its values.
pub(crate) fn entry_stream(
    organization: OrganizationId,
    filter: &AuditFilter,
    request: &StreamRequest,
) -> (Arc<Sql>, Vec<Value<'static>>) {
    let slice = Slice::of_entries(organization.into(), narrow(filter), &as_page(request));
    streaming::statement(slice, TABLE, &COLUMNS, FILTERS)
}

/// The values of each of [`FILTERS`].
fn narrow(filter: &AuditFilter) -> Vec<Vec<Value<'static>>> {
    vec![texts(&filter.subjects), texts(&filter.actors), texts(&filter.actions)]
}

/// One descent of an index for each, however many entries wait.
async fn with_unsealed(session: &Session, mut after: String, limit: usize) -> Result<Vec<OrganizationId>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit {
        let next = session
            .fetch_one(&NEXT_UNSEALED, &[Value::text(&after)], |cells| Ok(cells.opt_text()?.map(str::to_owned)))
            .await?;
        let Some(next) = next.flatten() else { break };
        match next.parse() {
            Ok(id) => found.push(Id::new(id)),
            // A row that was written to by hand keeps no other organization's from its seal.
            Err(_) => tracing::error!("an audit entry stands in no organization that there can be: {next:?}"),
        }
        after = next;
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) fn over_the_unsealed() -> [(&'static Sql, Vec<Value<'static>>); 2] {
    [(&NEXT_UNSEALED, vec![Value::text("")]), (&UNSEALED, vec![Value::text("A"), Value::Int(1)])]
}

fn of_organization() -> SelectStatement {
    let columns = COLUMNS.map(|column| column.name);
    Query::select().columns(columns).from(TABLE).and_where(Expr::col("organization_id").eq(place())).to_owned()
}

fn most(limit: usize) -> Value<'static> {
    Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// A head, or that of an empty chain where the cells are empty.
fn head(cells: &mut Cells<'_>) -> Result<Head, StoreError> {
    Ok(match (cells.opt_int()?, cells.opt_parsed(str::parse)?) {
        (Some(sequence), Some(hash)) => Head { sequence, hash },
        _ => Head::EMPTY,
    })
}

fn checkpoint(cells: &mut Cells<'_>) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        organization: cells.id()?,
        sequence: cells.int()?,
        hash: cells.parsed(str::parse)?,
        signed_at: cells.time()?,
        signature: Signature(cells.blob()?.try_into().map_err(corrupt)?),
    })
}
