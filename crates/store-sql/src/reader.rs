//! Reads of records of any kind.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    Id, OrganizationId, Page, PageLimit, PageRequest, Position, Reader, SnapshotStream, StoreError, Stored,
    StreamRequest, Timestamp,
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
        let query = Slice::of_records(organization.into(), R::narrow(filter), page);
        let statement = Statements::of(R::KIND).list(&query, self.reach, self.presence.row());
        let low_watermark = self.in_flight.records.low_watermark();
        let (rows, as_of) = self.slice(low_watermark, page.limit, statement, table::read::<R>).await?;
        Ok(rows.page(page.limit, as_of, |stored| page.order.position(stored)))
    }

    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<Stored<R>>, StoreError> {
        let query = Slice::of_records(organization.into(), R::narrow(filter), &as_page(request));
        let statement = Statements::of(R::KIND).stream(query);
        self.streamed(self.in_flight.records.low_watermark(), statement, table::read::<R>).await
    }

    async fn get_by_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError> {
        let sql = Statements::of(R::KIND).with_keys(keys.len());
        // No record matches if the kind has no keys.
        let Some(sql) = sql.filter(|_| !keys.is_empty()) else { return Ok(Vec::new()) };
        let mut values = vec![Value::from(organization)];
        values.extend(padded(keys.iter().map(|key| Value::from((*key).to_owned()))));
        self.engine
            .read((sql, values), |(sql, values), session| Box::pin(session.fetch(sql, values, table::read::<R>)))
            .await
    }
}

/// The rows that the statement of a list returned.
pub(crate) struct Looked<T> {
    /// The rows of the page, and one more if there is one.
    rows: Vec<T>,
    /// The last row that was scanned, if the scan limit was reached before the page was full.
    last: Option<T>,
    /// The state of other processes in the same snapshot.
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
        let (kind, other_writers) = (cells.int()?, Seen::read(cells)?);
        match kind {
            part::PAGE => self.rows.push(read(cells)?),
            part::LOOKED => self.last = Some(read(cells)?),
            _ => self.seen = Some(other_writers),
        }
        Ok(())
    }

    /// Returns the page. Its cursor continues after the last row that was scanned.
    pub(crate) fn page(self, limit: PageLimit, as_of: Timestamp, position: impl Fn(&T) -> Position) -> Page<T> {
        let last = self.last.as_ref().map(&position);
        let page = Page::from_overfetch(self.rows, limit, as_of, position);
        Page { next: page.next.or(last), ..page }
    }
}

impl SqlStore {
    /// Returns the rows of a page, and the time before which no change can still become visible.
    ///
    /// That time is the lowest of this process's `low_watermark`, which was read before, and of the watermarks of other
    /// processes in the snapshot of the rows. A process that begins to write afterwards stamps later than this time.
    pub(crate) async fn slice<T: Send + 'static>(
        &self,
        low_watermark: Timestamp,
        limit: PageLimit,
        (sql, values): (Arc<Sql>, Vec<Value<'static>>),
        read: fn(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<(Looked<T>, Timestamp), StoreError> {
        let watermark = self.presence.horizon(low_watermark).await;
        let rows = self
            .engine
            .read((sql, values), move |(sql, values), session| {
                Box::pin(async move {
                    let mut rows = Looked::with_room(limit);
                    session.visit(sql, values, |cells| rows.take(cells, read)).await?;
                    Ok::<_, StoreError>(rows)
                })
            })
            .await?;
        let as_of = watermark.told(rows.seen)?;
        Ok((rows, as_of))
    }
}
