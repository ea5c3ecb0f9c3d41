//! Reading records of any kind.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    Id, OrganizationId, Page, PageLimit, PageRequest, Position, Reader, StoreError, Stored, StreamRequest, Streamed,
    Timestamp,
};

use crate::{
    engine::{Cells, Sql, Value, both},
    listing::Slice,
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
        let statement = Statements::of(R::KIND).list(&slice, self.reach);
        let horizon = self.in_flight.records.horizon();
        let (looked, as_of) = self.slice(horizon, statement, table::read::<R>).await?;
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
}

impl<T> Looked<T> {
    fn of(mut rows: Vec<(T, bool)>) -> Self {
        let last = rows.pop_if(|(_, matches)| !*matches).map(|(row, _)| row);
        Self { rows: rows.into_iter().map(|(row, _)| row).collect(), last }
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
    /// That moment is taken before the rows' snapshot: first from this process, `horizon`, then from the others. Who begins
    /// to write in between stamps later than what was told here.
    pub(crate) async fn slice<T: Send + 'static>(
        &self,
        horizon: Timestamp,
        (sql, values): (Arc<Sql>, Vec<Value<'static>>),
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<(Looked<T>, Timestamp), StoreError> {
        let given = (self.presence.floor(horizon).await, sql, values, read);
        let (as_of, rows) = self
            .engine
            .read(given, |(floor, sql, values, read), session| {
                Box::pin(async move {
                    let rows = session.fetch(sql, values, |cells| Ok((read(cells)?, cells.int()? == 1)));
                    let (as_of, rows) = both(floor.run(session), rows).await?;
                    Ok((as_of, Looked::of(rows)))
                })
            })
            .await?;
        Ok((rows, as_of))
    }
}
