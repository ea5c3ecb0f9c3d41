//! The reader of all record types.

use std::{collections::BTreeSet, ops::Range};

use async_trait::async_trait;
use kernel::{
    Id, MAX_RECORDS_IN_KEY_RANGES, Order, OrganizationId, Page, PageRequest, Position, Reader, Resource,
    SnapshotStream, StoreError, Stored, StreamRequest, Timestamp,
};
use ulid::Ulid;

use crate::{
    Call, MemoryStore,
    state::{Row, State, unique_key},
};

#[async_trait]
impl<R: Resource> Reader<R> for MemoryStore {
    async fn get(&self, organization: OrganizationId, id: Id<R>) -> Result<Option<Stored<R>>, StoreError> {
        self.intercept(Call::Read).await?;
        Ok(self.snapshot()?.record(organization, id))
    }

    async fn get_many(&self, organization: OrganizationId, ids: &[Id<R>]) -> Result<Vec<Stored<R>>, StoreError> {
        self.intercept(Call::Read).await?;
        let state = self.snapshot()?;
        let ids: BTreeSet<Ulid> = ids.iter().map(|id| id.ulid()).collect();
        Ok(ids.into_iter().filter_map(|id| state.record(organization, Id::new(id))).collect())
    }

    async fn list(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        page: &PageRequest,
    ) -> Result<Page<Stored<R>>, StoreError> {
        self.intercept(Call::Read).await?;
        // The watermark must be read before the snapshot, so that the snapshot contains every write with an earlier
        // timestamp.
        let as_of = self.timestamps.low_watermark();
        let state = self.snapshot()?;
        let rows = in_order(state.rows(R::KIND, organization), page.order)
            .filter(|row| row.is_within(&page.time_range))
            .filter(|row| page.after.is_none_or(|position| is_past(row, position)))
            .filter_map(Row::read)
            .filter(|stored| kernel::Criteria::matches(filter, stored))
            .take(page.limit.get() + 1)
            .collect();
        Ok(Page::from_overfetch(rows, page.limit, as_of, |stored| page.order.position(stored)))
    }

    async fn stream(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        request: &StreamRequest,
    ) -> Result<SnapshotStream<Stored<R>>, StoreError> {
        self.intercept(Call::Read).await?;
        let as_of = self.timestamps.low_watermark();
        let state = self.snapshot()?;
        let ids: Vec<Ulid> = in_order(state.rows(R::KIND, organization), request.order)
            .filter(|row| row.is_within(&request.time_range))
            .map(|row| row.meta.ulid())
            .collect();
        let filter = filter.clone();
        let records = ids
            .into_iter()
            .filter_map(move |id| state.record(organization, Id::new(id)))
            .filter(move |stored| kernel::Criteria::matches(&filter, stored));
        Ok(self.snapshot_stream(records, as_of))
    }

    async fn get_by_keys(&self, organization: OrganizationId, keys: &[&str]) -> Result<Vec<Stored<R>>, StoreError> {
        self.intercept(Call::Read).await?;
        let state = self.snapshot()?;
        let identifiers = |key: &&str| {
            let first = unique_key(R::KIND, organization, key, None);
            let last = unique_key(R::KIND, organization, key, Some(Ulid::max()));
            state.keys.range(first..=last).map(|(_, id)| *id).collect::<Vec<_>>()
        };
        let found = keys.iter().flat_map(identifiers);
        Ok(found.filter_map(|id| with_key(&state, organization, id)).collect())
    }

    async fn get_by_key_ranges(
        &self,
        organization: OrganizationId,
        ranges: &[Range<&str>],
    ) -> Result<Vec<Stored<R>>, StoreError> {
        self.intercept(Call::Read).await?;
        let state = self.snapshot()?;
        let in_range = |range: &Range<&str>| {
            let bound = |key: &str| unique_key(R::KIND, organization, key, None);
            let range = bound(range.start)..bound(range.end);
            // A map refuses a range that ends before it starts.
            let keys = (range.start < range.end).then(|| state.keys.range(range)).into_iter().flatten();
            keys.filter_map(|((.., key, _), id)| Some((key.clone(), with_key(&state, organization, *id)?)))
                .take(MAX_RECORDS_IN_KEY_RANGES)
                .collect::<Vec<(String, Stored<R>)>>()
        };
        let mut found: Vec<_> = ranges.iter().flat_map(in_range).collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found.into_iter().map(|(_, stored)| stored).take(MAX_RECORDS_IN_KEY_RANGES).collect())
    }
}

/// Returns the record if its kind has keys: the values that identify the records of other kinds are among the unique keys,
/// but are none.
fn with_key<R: Resource>(state: &State, organization: OrganizationId, id: Ulid) -> Option<Stored<R>> {
    state.record(organization, Id::new(id)).filter(|stored: &Stored<R>| stored.record.unique_key().is_some())
}

fn in_order<'a>(
    rows: impl DoubleEndedIterator<Item = &'a Row> + 'a,
    order: Order,
) -> Box<dyn Iterator<Item = &'a Row> + 'a> {
    match order {
        Order::Newest => Box::new(rows.rev()),
        Order::Changed => {
            let mut rows: Vec<_> = rows.collect();
            rows.sort_by_key(|row| (row.meta.updated_at, row.meta.ulid()));
            Box::new(rows.into_iter())
        }
        Order::Due => {
            let mut rows: Vec<_> = rows.collect();
            rows.sort_by_key(|row| due_order(row.record.due_at(), row.meta.ulid()));
            Box::new(rows.into_iter())
        }
    }
}

/// The sort key of [`Order::Due`], in which records without a due date come last.
fn due_order(due_at: Option<Timestamp>, id: Ulid) -> (bool, Option<Timestamp>, Ulid) {
    (due_at.is_none(), due_at, id)
}

fn is_past(row: &Row, position: Position) -> bool {
    let id = row.meta.ulid();
    match position {
        Position::Newest(after) => id < after,
        Position::Changed(at, after) => (row.meta.updated_at, id) > (at, after),
        Position::Due(due_at, after) => due_order(row.record.due_at(), id) > due_order(due_at, after),
    }
}
