//! How the index follows the changes of records.

use std::{future::Future, pin::Pin};

use kernel::{
    Kind, Order, OrganizationId, PageLimit, PageRequest, Position, Reader, Resource, StoreError, TimeRange, Timestamp,
};

use super::{Backlog, IndexedRecord, RecordWords};
use crate::DynStore;

/// Indexes the changed records of one kind, page by page, in the order of their changes.
#[derive(Clone, Copy, Debug)]
pub struct TitleFollower {
    kind: Kind,
    since: Option<Timestamp>,
    after: Option<Position>,
    /// The low watermark of the first page. Changes with a later timestamp may have become visible behind a page that was
    /// read already, so they are read again the next time.
    watermark: Option<Timestamp>,
    progress: Option<Timestamp>,
}

/// A page of changed records.
struct Changes {
    records: Vec<IndexedRecord>,
    first_change: Option<Timestamp>,
    last_change: Option<Timestamp>,
    next: Option<Position>,
    as_of: Timestamp,
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Changes, StoreError>> + Send + 'a>>;

impl TitleFollower {
    /// Follows the changes of this backlog.
    #[must_use]
    pub const fn new(backlog: &Backlog) -> Self {
        Self { kind: backlog.kind, since: backlog.since, after: None, watermark: None, progress: None }
    }

    /// Whether what is stored as indexed is further than when the follower began. Another follower would then continue
    /// from there.
    #[must_use]
    pub fn has_advanced(&self) -> bool {
        self.progress > self.since
    }

    /// Indexes the next page of changed records. Returns whether more follow.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn index_page(&mut self, store: &DynStore, organization: OrganizationId) -> Result<bool, StoreError> {
        let page = PageRequest {
            limit: PageLimit::clamped(u64::from(PageLimit::MAX)),
            order: Order::Changed,
            after: self.after,
            time_range: TimeRange { updated_after: self.since, ..TimeRange::default() },
        };
        let changes = read(store, organization, self.kind, page).await?;
        let watermark = *self.watermark.get_or_insert(changes.as_of);
        // Until the last page, records with the time of the last change may follow.
        let progress = match changes.next {
            Some(_) => changes.last_change.map_or(watermark, |last| last.min(watermark)),
            None => watermark,
        };
        let progress = self.since.map_or(progress, |since| progress.max(since));
        store.index_words(organization, self.kind, &changes.records, progress).await?;
        self.progress = Some(progress);
        // Where a whole page is ahead of the clock, which was set back, a next page is read when the time has come: progress
        // ends at the watermark, so it would be read again and again.
        self.after = changes.next.filter(|_| changes.first_change.is_none_or(|first| first <= watermark));
        Ok(self.after.is_some())
    }
}

/// Indexes all changes of an organization. Returns the number of kinds that had any.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn index_titles(store: &DynStore, organization: OrganizationId) -> Result<usize, StoreError> {
    let backlog = store.search_backlog(organization).await?;
    for kind in &backlog {
        let mut follower = TitleFollower::new(kind);
        while follower.index_page(store, organization).await? {}
    }
    Ok(backlog.len())
}

/// Reads a page of records of this kind.
fn read(store: &DynStore, organization: OrganizationId, kind: Kind, page: PageRequest) -> Reading<'_> {
    macro_rules! readers {
        ($($kind:ident => $record:ty,)*) => {
            match kind { $(Kind::$kind => Box::pin(read_kind::<$record>(store, organization, page)),)* }
        };
    }
    crate::for_each_resource!(readers)
}

async fn read_kind<R: Resource>(
    store: &DynStore,
    organization: OrganizationId,
    page: PageRequest,
) -> Result<Changes, StoreError>
where
    DynStore: Reader<R>,
{
    let listed = Reader::<R>::list(store, organization, &R::Filter::default(), &page).await?;
    let words = |record: &R| RecordWords::new(Resource::title(record), Resource::unique_key(record));
    let indexed = |id, record| IndexedRecord { id, words: words(record) };
    Ok(Changes {
        records: listed.items.iter().map(|stored| indexed(stored.meta.ulid(), &stored.record)).collect(),
        first_change: listed.items.first().map(|stored| stored.meta.updated_at),
        last_change: listed.items.last().map(|stored| stored.meta.updated_at),
        next: listed.next,
        as_of: listed.as_of,
    })
}
