//! Reading records of any kind.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Id, OrganizationId, Page, PageRequest, Reader, StoreError, Stored, Timestamp};

use crate::{
    engine::{Cells, Sql, Value},
    listing::Slice,
    statements::{Statements, padded},
    store::SqlStore,
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
        let (sql, values) = Statements::of(R::KIND).list(&slice);
        let (rows, as_of) = self.slice(self.in_flight.records.horizon(), sql, values, table::read::<R>).await?;
        Ok(Page::from_overfetch(rows, page.limit, as_of, |stored| page.order.position(stored)))
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

impl SqlStore {
    /// The rows of a page, and the moment no change stamped before can still become visible.
    ///
    /// That moment is taken before the rows' snapshot: first from this process, `horizon`, then from the others. Who begins
    /// to write in between stamps later than what was told here.
    pub(crate) async fn slice<T: Send + 'static>(
        &self,
        horizon: Timestamp,
        sql: Arc<Sql>,
        values: Vec<Value<'static>>,
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<(Vec<T>, Timestamp), StoreError> {
        let given = (self.presence.floor(), sql, values, read);
        let (floor, rows) = self
            .engine
            .read(given, |(floor, sql, values, read), session| {
                Box::pin(async move { Ok((floor.run(session).await?, session.fetch(sql, values, read).await?)) })
            })
            .await?;
        Ok((rows, floor.map_or(horizon, |floor| floor.min(horizon))))
    }
}
