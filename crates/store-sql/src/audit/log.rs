//! Reading the log.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use ::audit::{AuditFilter, AuditLog, Batch, Checkpoint, Head, Recorded, Signature, Tail, Unsealed};
use async_trait::async_trait;
use kernel::{Entry, Id, Order, OrganizationId, Page, PageRequest, Position, StoreError};
use sea_query::{Expr, ExprTrait as _, Query, SelectStatement};

use super::{
    entry::{self, COLUMNS, FILTERS, TABLE},
    seal,
};
use crate::{
    engine::{Cells, Sql, Value, corrupt},
    listing::Slice,
    shape::{Shape, place},
    store::SqlStore,
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
/// Over all organizations: the sealer serves them all. One statement, so that entries and heads are of one moment.
static UNSEALED: LazyLock<Sql> = LazyLock::new(|| {
    let columns = COLUMNS.map(|column| format!("e.{}", column.name)).join(", ");
    Sql::fixed(&format!(
        "SELECT {columns}, h.sequence, h.hash FROM {TABLE} AS e \
         LEFT JOIN audit_heads AS h ON h.organization_id = e.organization_id \
         WHERE e.sequence IS NULL ORDER BY e.id LIMIT ?"
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
        let (sql, values) = entry_list(organization, filter, page);
        let (rows, as_of) = self.slice(self.in_flight.horizon(), sql, values, entry::read).await?;
        Ok(Page::from_overfetch(rows, page.limit, as_of, |recorded| match page.order {
            Order::Newest => Position::Newest(recorded.entry.id.ulid()),
            Order::Changed => Position::Changed(recorded.entry.occurred_at, recorded.entry.id.ulid()),
        }))
    }

    async fn entry(&self, organization: OrganizationId, id: Id<Entry>) -> Result<Option<Recorded>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine.read(values, |values, session| Box::pin(session.fetch_one(&ONE, values, entry::read))).await
    }

    async fn unsealed(&self, limit: usize) -> Result<Vec<Unsealed>, StoreError> {
        let values = [most(limit)];
        let rows = self
            .engine
            .read(values, |values, session| {
                Box::pin(session.fetch(&UNSEALED, values, |cells| Ok((entry::read(cells)?.entry, head(cells)?))))
            })
            .await?;
        let mut waiting: BTreeMap<OrganizationId, Unsealed> = BTreeMap::new();
        for (entry, head) in rows {
            let organization = entry.organization;
            let chained =
                waiting.entry(organization).or_insert_with(|| Unsealed { organization, head, entries: Vec::new() });
            chained.entries.push(entry);
        }
        Ok(waiting.into_values().collect())
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

/// The statement of a list of entries, and its values.
pub(crate) fn entry_list(
    organization: OrganizationId,
    filter: &AuditFilter,
    page: &PageRequest,
) -> (Arc<Sql>, Vec<Value<'static>>) {
    let filters = vec![texts(&filter.subjects), texts(&filter.actors), texts(&filter.actions)];
    Slice::of_entries(organization.into(), filters, page).statement(&LISTS, TABLE, &COLUMNS, FILTERS)
}

#[cfg(test)]
pub(crate) fn over_the_unsealed() -> [&'static Sql; 1] {
    [&UNSEALED]
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
