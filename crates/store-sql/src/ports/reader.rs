//! Reads of records of any kind.

use std::{cmp::Ordering, collections::HashSet, ops::Range, sync::Arc};

use async_trait::async_trait;
use kernel::{
    Id, MAX_PAGE_BYTES, Order, OrganizationId, Page, PageLimit, PageRequest, Position, Reader, Resource,
    SnapshotStream, StoreError, Stored, StreamRequest, Timestamp,
};

use ulid::Ulid;

use super::SqlStore;
use crate::{
    engine::{RowReader, Sql, Value, padded, padded_count, pipeline2},
    records::{
        ListQuery, ListStatement, Statements, row_kind,
        streaming::to_page_request,
        table::{self, Table},
    },
};

#[async_trait]
impl<R: Table> Reader<R> for SqlStore {
    async fn get(&self, organization: OrganizationId, id: Id<R>) -> Result<Option<Stored<R>>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine
            .read_point(values, |values, session| {
                Box::pin(session.fetch_one(&Statements::for_kind(R::KIND).get, values, table::read::<R>))
            })
            .await
    }

    async fn get_many(&self, organization: OrganizationId, ids: &[Id<R>]) -> Result<Vec<Stored<R>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = vec![Value::from(organization)];
        values.extend(padded(ids.iter().map(|id| Value::from(*id))));
        self.engine
            .read((Statements::for_kind(R::KIND).with_ids(ids.len()), values), |(sql, values), session| {
                Box::pin(session.fetch(sql, values, table::read::<R>))
            })
            .await
    }

    async fn list(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError> {
        let dated = self.list_range::<R>(organization, filter, page).await?;
        let is_last = dated.next.is_none() && !matches!(page.after, Some(Position::Due(None, _)));
        if page.order != Order::Due || page.time_range.has_due_bound() || !is_last {
            return Ok(dated);
        }
        // Records without a due date are another range of the index. They fill the rest of the page, or, if it is full,
        // show whether there is a next one.
        let space = page.limit.get() - dated.items.len();
        let limit = PageLimit::clamped(u64::try_from(space).unwrap_or(u64::MAX));
        let after = Some(Position::Due(None, Ulid::nil()));
        let rest = self.list_range::<R>(organization, filter, &PageRequest { limit, after, ..*page }).await?;
        let mut items = dated.items;
        let next = if space > 0 {
            items.extend(rest.items);
            rest.next
        } else {
            let has_more = !rest.items.is_empty() || rest.next.is_some();
            items.last().filter(|_| has_more).map(|stored| page.order.position(stored))
        };
        Ok(Page { items, next, as_of: dated.as_of })
    }

    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<Stored<R>>, StoreError> {
        let query =
            ListQuery::for_record_stream(organization.into(), R::filter_values(filter), &to_page_request(request));
        let statement = Statements::for_kind(R::KIND).stream(query);
        self.open_stream(self.in_flight.records.low_watermark(), statement, table::read::<R>).await
    }

    async fn get_by_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError> {
        let sql = Statements::for_kind(R::KIND).with_keys(keys.len());
        // No record matches if the kind has no keys.
        let Some(sql) = sql.filter(|_| !keys.is_empty()) else { return Ok(Vec::new()) };
        let mut values = vec![Value::from(organization)];
        values.extend(padded(keys.iter().map(|key| Value::from((*key).to_owned()))));
        self.engine
            .read((sql, values), |(sql, values), session| Box::pin(session.fetch(sql, values, table::read::<R>)))
            .await
    }

    async fn get_by_key_ranges(
        &self,
        organization: OrganizationId,
        ranges: &[Range<&str>],
    ) -> Result<Vec<Stored<R>>, StoreError> {
        let sql = Statements::for_kind(R::KIND).with_key_ranges(ranges.len());
        // No record matches if the kind has no keys.
        let Some(sql) = sql.filter(|_| !ranges.is_empty()) else { return Ok(Vec::new()) };
        // Repeating a range would return its records twice, so the parameters are padded with empty ranges.
        let padding = std::iter::repeat(&(""..""));
        let bounds = ranges.iter().chain(padding).take(padded_count(ranges.len()));
        let bounds = bounds.flat_map(|range| [range.start, range.end]).map(|key| Value::from(key.to_owned()));
        let values: Vec<Value<'static>> = std::iter::once(Value::from(organization)).chain(bounds).collect();
        self.engine
            .read((sql, values), |(sql, values), session| Box::pin(session.fetch(sql, values, table::read::<R>)))
            .await
    }
}

/// The rows that the statement of a list returned.
pub(crate) struct PageRows<T> {
    /// The rows of the page, and one more if there is one.
    rows: Vec<T>,
    /// The size of the texts of these rows, in bytes.
    text_bytes: usize,
    /// Whether further rows were left to the next page, because these have reached [`MAX_PAGE_BYTES`].
    is_cut: bool,
    /// The last row that was scanned, if the scan limit was reached before the page was full.
    last_scanned: Option<T>,
}

impl<T> PageRows<T> {
    pub(crate) fn with_capacity(limit: PageLimit) -> Self {
        Self { rows: Vec::with_capacity(limit.get() + 1), text_bytes: 0, is_cut: false, last_scanned: None }
    }

    pub(crate) fn push_row(
        &mut self,
        cells: &mut RowReader<'_>,
        has_kind: bool,
        read: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<(), StoreError> {
        if has_kind && cells.int()? == row_kind::LAST_SCANNED {
            self.last_scanned = Some(read(cells)?);
        } else if self.text_bytes >= MAX_PAGE_BYTES {
            self.is_cut = true;
        } else {
            self.rows.push(read(cells)?);
            self.text_bytes += cells.text_bytes();
        }
        Ok(())
    }

    /// Returns the page. Its cursor continues after the last row that was scanned, or after the last row of the page if
    /// further ones were left to the next page.
    pub(crate) fn into_page(self, limit: PageLimit, as_of: Timestamp, position: impl Fn(&T) -> Position) -> Page<T> {
        let last = if self.is_cut { self.rows.last() } else { self.last_scanned.as_ref() }.map(&position);
        let page = Page::from_overfetch(self.rows, limit, as_of, position);
        Page { next: page.next.or(last), ..page }
    }
}

impl SqlStore {
    /// Returns the page of one index range.
    async fn list_range<R: Table>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError> {
        let query = ListQuery::for_records(organization.into(), R::filter_values(filter), page);
        let statements = Statements::for_kind(R::KIND);
        let unchanged = match statements.list_unchanged(&query, self.scan_limit) {
            Some(statement) => Some(self.read_records::<R>(page, statement).await?),
            None => None,
        };
        // A record is moved to this table by its first change, so none is missed in this order.
        let changed = self.read_records::<R>(page, statements.list(&query, self.scan_limit)).await?;
        Ok(match unchanged {
            Some(unchanged) => merge_pages(page, unchanged, changed),
            None => changed,
        })
    }

    /// Returns the page of records that a statement reads.
    async fn read_records<R: Table>(
        &self,
        page: &PageRequest,
        statement: ListStatement,
    ) -> Result<Page<Stored<R>>, StoreError> {
        let low_watermark = self.in_flight.records.low_watermark();
        let (rows, as_of) = self.read_page(low_watermark, page.limit, statement, table::read::<R>).await?;
        Ok(rows.into_page(page.limit, as_of, |stored| page.order.position(stored)))
    }

    /// Returns the rows of a page, and the time before which no change can still become visible.
    ///
    /// That time is the lowest of this process's `low_watermark`, which was read before, and of the watermarks of other
    /// processes in an earlier snapshot than that of the rows. A process that begins to write afterwards gives its writes
    /// timestamps after this time.
    pub(crate) async fn read_page<T: Send + 'static>(
        &self,
        low_watermark: Timestamp,
        limit: PageLimit,
        statement: ListStatement,
        read: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<(PageRows<T>, Timestamp), StoreError> {
        let watermark = self.registration.watermark(low_watermark).await;
        self.engine
            .read((statement, watermark), move |(statement, watermark), session| {
                Box::pin(async move {
                    let session = &*session;
                    let ListStatement { sql, values, has_row_kinds } = statement;
                    let rows = async {
                        let mut rows = PageRows::with_capacity(limit);
                        session.visit(sql, values, |cells| rows.push_row(cells, *has_row_kinds, read)).await?;
                        Ok(rows)
                    };
                    let (as_of, rows) = pipeline2(watermark.resolve(session), rows).await?;
                    Ok((rows, as_of))
                })
            })
            .await
    }

    /// Streams rows, with the time before which no change can be missing from them. As in [`Self::read_page`], that
    /// time is taken before the snapshot of the rows.
    pub(crate) async fn open_stream<T: Send + 'static>(
        &self,
        low_watermark: Timestamp,
        (sql, values): (Arc<Sql>, Vec<Value<'static>>),
        read: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<SnapshotStream<T>, StoreError> {
        let as_of = self.registration.as_of(low_watermark).await?;
        let batches = self.engine.stream(sql, values, read).await?;
        Ok(SnapshotStream { batches, as_of })
    }
}

/// Merges a page of records that had not changed yet and a page of changed ones, which was read afterwards: a record on
/// both has changed in between.
fn merge_pages<R: Resource>(
    request: &PageRequest,
    unchanged: Page<Stored<R>>,
    changed: Page<Stored<R>>,
) -> Page<Stored<R>> {
    let position = |stored: &Stored<R>| request.order.position(stored);
    let as_of = unchanged.as_of.min(changed.as_of);
    // What follows the end of either page is not complete.
    let ends = [unchanged.next, changed.next].into_iter().flatten();
    let end = ends.min_by(compare);
    let seen: HashSet<Ulid> = changed.items.iter().map(|stored| stored.meta.ulid()).collect();
    let only_unchanged = unchanged.items.into_iter().filter(|stored| !seen.contains(&stored.meta.ulid()));
    let mut items: Vec<_> = changed.items.into_iter().chain(only_unchanged).collect();
    items.retain(|stored| end.is_none_or(|end| compare(&position(stored), &end).is_le()));
    items.sort_by(|one, other| compare(&position(one), &position(other)));
    let page = Page::from_overfetch(items, request.limit, as_of, position);
    Page { next: page.next.or(end), ..page }
}

/// Compares two positions of one order.
fn compare(one: &Position, other: &Position) -> Ordering {
    match (one, other) {
        (Position::Newest(one), Position::Newest(other)) => other.cmp(one),
        (Position::Changed(one, one_id), Position::Changed(other, other_id)) => (one, one_id).cmp(&(other, other_id)),
        (Position::Due(one, one_id), Position::Due(other, other_id)) => {
            (one.is_none(), one, one_id).cmp(&(other.is_none(), other, other_id))
        }
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Order, Organization};

    use super::*;

    fn record(id: u128, revision: i64, updated_at: i64) -> Stored<Organization> {
        let record = store_contract::samples::organization("home");
        let mut stored = Stored::new(Id::new(Ulid(9)), Id::new(Ulid(id)), Timestamp::from_millis(0), record);
        stored.meta.revision = kernel::Revision(revision);
        stored.meta.updated_at = Timestamp::from_millis(updated_at);
        stored
    }

    fn page(items: Vec<Stored<Organization>>, next: Option<Position>, as_of: i64) -> Page<Stored<Organization>> {
        Page { items, next, as_of: Timestamp::from_millis(as_of) }
    }

    fn ids(page: &Page<Stored<Organization>>) -> Vec<u128> {
        page.items.iter().map(|stored| stored.meta.ulid().0).collect()
    }

    #[test]
    fn a_merged_page_ends_where_the_first_of_its_parts_ends() {
        let request = PageRequest { limit: PageLimit::clamped(3), ..PageRequest::default() };
        let newest = |id| Position::Newest(Ulid(id));
        let unchanged = page(vec![record(9, 1, 0), record(6, 1, 0), record(4, 1, 0)], Some(newest(4)), 7);
        let changed = page(vec![record(8, 2, 0), record(3, 2, 0)], None, 5);
        let merged = merge_pages(&request, unchanged, changed);
        assert_eq!((ids(&merged), merged.next, merged.as_of.millis()), (vec![9, 8, 6], Some(newest(6)), 5));

        let unchanged = page(vec![record(9, 1, 0)], Some(newest(7)), 7);
        let changed = page(vec![record(8, 2, 0), record(3, 2, 0)], None, 8);
        let merged = merge_pages(&request, unchanged, changed);
        assert_eq!((ids(&merged), merged.next), (vec![9, 8], Some(newest(7))), "the scan of one ended at 7");

        let merged = merge_pages(&request, page(vec![record(2, 1, 0)], None, 7), page(vec![record(3, 2, 0)], None, 8));
        assert_eq!((ids(&merged), merged.next), (vec![3, 2], None));
    }

    #[test]
    fn a_record_that_changes_between_the_two_reads_is_listed_once_as_changed() {
        let request = PageRequest { order: Order::Changed, ..PageRequest::default() };
        let unchanged = page(vec![record(1, 1, 10), record(2, 1, 20)], None, 30);
        let changed = page(vec![record(3, 2, 15), record(1, 2, 40)], None, 50);
        let merged = merge_pages(&request, unchanged, changed);
        assert_eq!(ids(&merged), [3, 2, 1]);
        assert_eq!((merged.items[2].meta.revision.0, merged.as_of.millis()), (2, 30));
    }
}
