//! Reading records of any kind.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    Id, OrganizationId, Page, PageLimit, PageRequest, Position, Reader, StoreError, Stored, StreamRequest, Streamed,
    Timestamp,
};

use crate::{
    engine::{Cells, Sql, Value},
    listing::Slice,
    presence::Seen,
    shape::part,
    statements::{Statements, padded},
    store::SqlStore,
    streaming::as_page,
    table::{self, Table},
};

#[async_trait]
impl<R: Table> Reader<R> for SqlStore {
    async fn get(&self, organization: OrganizationId, id: Id<R>) -> Result<Option<Stored<R>>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine
            .read_point(values, |values, session| {
                Box::pin(session.fetch_one(&Statements::of(R::KIND).get, values, table::read::<R>))
            })
            .await
    }

    async fn list(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError> {
        let slice = Slice::of_records(organization.into(), R::narrow(filter), page);
        let statement = Statements::of(R::KIND).list(&slice, self.reach, self.presence.row());
        let horizon = self.in_flight.records.horizon();
        let (looked, as_of) = self.slice(horizon, page.limit, statement, table::read::<R>).await?;
        Ok(looked.page(page.limit, as_of, |stored| page.order.position(stored)))
    }

    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<Streamed<Stored<R>>, StoreError> {
        let slice = Slice::of_records(organization.into(), R::narrow(filter), &as_page(request));
        let statement = Statements::of(R::KIND).stream(slice);
        self.streamed(self.in_flight.records.horizon(), statement, table::read::<R>).await
    }

    async fn with_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError> {
        let sql = Statements::of(R::KIND).with_keys(keys.len());
        // Keys of a kind that has none name nothing.
        let Some(sql) = sql.filter(|_| !keys.is_empty()) else { return Ok(Vec::new()) };
        let mut values = vec![Value::from(organization)];
        values.extend(padded(keys.iter().map(|key| Value::from((*key).to_owned()))));
        self.engine
            .read((sql, values), |(sql, values), session| Box::pin(session.fetch(sql, values, table::read::<R>)))
            .await
    }
}

/// The rows that a list's statement gave.
pub(crate) struct Looked<T> {
    /// Those of the page, and one more where there is one.
    rows: Vec<T>,
    /// The last one that was looked at, where no more were to be looked at though the page is not full.
    last: Option<T>,
    /// What was seen of other processes.
    seen: Option<Seen>,
}

impl<T> Looked<T> {
    fn with_room(limit: PageLimit) -> Self {
        Self { rows: Vec::with_capacity(limit.get() + 1), last: None, seen: None }
    }

    fn take(
        &mut self,
        cells: &mut Cells<'_>,
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<(), StoreError> {
        let (part, seen) = (cells.int()?, Seen::read(cells)?);
        match part {
            part::PAGE => self.rows.push(read(cells)?),
            part::LOOKED => self.last = Some(read(cells)?),
            _ => self.seen = Some(seen),
        }
        Ok(())
    }

    /// A page that goes on after what was looked at.
    pub(crate) fn page(self, limit: PageLimit, as_of: Timestamp, position: impl Fn(&T) -> Position) -> Page<T> {
        let last = self.last.as_ref().map(&position);
        let page = Page::from_overfetch(self.rows, limit, as_of, position);
        Page { next: page.next.or(last), ..page }
    }
}

impl SqlStore {
    /// The rows of a page, and the moment no change stamped before can still become visible.
    ///
    /// That moment is the lowest of this process's `horizon`, which was asked before, and of what the rows' own snapshot
    /// shows of the others. Who begins to write after that stamps later than what is told here.
    pub(crate) async fn slice<T: Send + 'static>(
        &self,
        horizon: Timestamp,
        limit: PageLimit,
        (sql, values): (Arc<Sql>, Vec<Value<'static>>),
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<(Looked<T>, Timestamp), StoreError> {
        let horizon = self.presence.horizon(horizon).await;
        let looked = self
            .engine
            .read((sql, values), move |(sql, values), session| {
                Box::pin(async move {
                    let mut looked = Looked::with_room(limit);
                    session.visit(sql, values, |cells| looked.take(cells, read)).await?;
                    Ok::<_, StoreError>(looked)
                })
            })
            .await?;
        let as_of = horizon.told(looked.seen)?;
        Ok((looked, as_of))
    }
}
