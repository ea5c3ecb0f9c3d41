//! Reading bodies of segments that are in the archive: by ranges, with limits, so that an archive that is away delays
//! nobody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use audit::{
    ArchiveObjects, AuditTables, ObjectKey,
    tables::{BodyRange, RunTable, SegmentQuery, SegmentStart},
};
use audit_runs::{ArchiveObject, Header};
use kernel::{OrganizationId, StoreError};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

/// The maximum number of requests to the archive at a time.
const MAX_REQUESTS: usize = 8;

/// The maximum time of a request, with the time that it waits for others.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The number of keys of segments that are looked up at a time.
const KEYS: usize = 32;

tokio::task_local! {
    static USED: Arc<AtomicBool>;
}

/// Runs a call, and returns with its result whether it has read from the archive.
pub async fn note_archive_use<T>(call: impl Future<Output = T>) -> (T, bool) {
    let used = Arc::new(AtomicBool::new(false));
    let result = USED.scope(Arc::clone(&used), call).await;
    (result, used.load(Ordering::Relaxed))
}

/// The bodies of segments that are in the archive. Each store has them beside its tables.
pub struct ArchivedBodies {
    objects: RwLock<Option<Arc<dyn ArchiveObjects>>>,
    requests: Arc<Semaphore>,
}

impl Default for ArchivedBodies {
    fn default() -> Self {
        Self { objects: RwLock::default(), requests: Arc::new(Semaphore::new(MAX_REQUESTS)) }
    }
}

/// The object of a segment, and the offset of the segment in it.
type Location = (String, u64);

impl ArchivedBodies {
    /// Sets the archive.
    pub fn set_objects(&self, objects: Arc<dyn ArchiveObjects>) {
        *self.objects.write().unwrap_or_else(PoisonError::into_inner) = Some(objects);
    }

    /// Adds to the bodies that the tables had those of segments that are in the archive.
    ///
    /// # Errors
    /// [`StoreError`] if the tables or the archive fail.
    pub async fn complete(
        &self,
        tables: &dyn AuditTables,
        organization: OrganizationId,
        ranges: &[BodyRange],
        mut bodies: Vec<Option<Vec<u8>>>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let is_missing = |(index, range): &(usize, &BodyRange)| {
            range.table == RunTable::Segments && bodies.get(*index).is_some_and(Option::is_none)
        };
        let missing: Vec<(usize, BodyRange)> =
            ranges.iter().enumerate().filter(is_missing).map(|(index, range)| (index, *range)).collect();
        if missing.is_empty() {
            return Ok(bodies);
        }
        let locations = locations(tables, organization, missing.iter().map(|(_, range)| range.first_sequence)).await?;
        let mut reads = JoinSet::new();
        for (index, range) in missing {
            let Some((object, offset)) = locations.get(&range.first_sequence).cloned() else { continue };
            let objects = self.objects(&object)?;
            let requests = Arc::clone(&self.requests);
            let _ = USED.try_with(|used| used.store(true, Ordering::Relaxed));
            reads.spawn(async move {
                let part = Part { objects: &*objects, object: &object, offset };
                let read = async {
                    let _permit = requests.acquire().await.map_err(|error| unavailable(&object, error))?;
                    part.read(&range).await
                };
                let read = timeout(TIMEOUT, read).await.map_err(|_| unavailable(&object, "it does not answer"))??;
                Ok::<_, StoreError>((index, read))
            });
        }
        while let Some(read) = reads.join_next().await {
            let (index, body) = read.map_err(|error| StoreError::Unavailable(error.into()))??;
            bodies[index] = Some(body);
        }
        Ok(bodies)
    }

    fn objects(&self, object: &str) -> Result<Arc<dyn ArchiveObjects>, StoreError> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner).clone();
        objects.ok_or_else(|| unavailable(object, "the setting audit_archive_url is missing"))
    }
}

/// Returns the locations of those of these segments that are in the archive.
async fn locations(
    tables: &dyn AuditTables,
    organization: OrganizationId,
    wanted: impl Iterator<Item = i64>,
) -> Result<BTreeMap<i64, Location>, StoreError> {
    let mut wanted: BTreeSet<i64> = wanted.collect();
    let mut locations = BTreeMap::new();
    while let Some(first) = wanted.pop_first() {
        let query = SegmentQuery { start: SegmentStart::Sequence(first), downwards: false, limit: KEYS };
        for key in tables.segments(organization, &query).await? {
            let is_wanted = key.first_sequence == first || wanted.remove(&key.first_sequence);
            // Whoever can write to the database must not be able to name any object.
            let is_own = |object: &String| ObjectKey::parse(organization, object).is_some();
            let archived = key.archived.filter(|(object, _)| is_own(object));
            let location = archived.and_then(|(object, offset)| Some((object, u64::try_from(offset).ok()?)));
            if let Some(location) = location.filter(|_| is_wanted) {
                locations.insert(key.first_sequence, location);
            }
        }
    }
    Ok(locations)
}

/// A segment in an object.
struct Part<'a> {
    objects: &'a dyn ArchiveObjects,
    object: &'a str,
    offset: u64,
}

impl Part<'_> {
    async fn read(&self, range: &BodyRange) -> Result<Vec<u8>, StoreError> {
        if range.length < usize::MAX {
            return self.bytes(range.offset, range.length).await;
        }
        // The header says where the segment ends. What is no header is returned as it is, so that the reader refuses it.
        let mut body = self.bytes(0, Header::MAX_LENGTH).await?;
        if let Ok(header) = Header::parse(&body) {
            let length = header.length().min(ArchiveObject::MAX_LENGTH);
            if length > body.len() {
                let rest = self.bytes(body.len(), length - body.len()).await?;
                body.extend(rest);
            }
            body.truncate(length);
        }
        Ok(body.split_off(range.offset.min(body.len())))
    }

    async fn bytes(&self, start: usize, length: usize) -> Result<Vec<u8>, StoreError> {
        let end = start.saturating_add(length).min(ArchiveObject::MAX_LENGTH) as u64;
        let range = self.offset.saturating_add(start as u64)..self.offset.saturating_add(end);
        let bytes = self.objects.read(self.object, range).await.map_err(|error| unavailable(self.object, error))?;
        bytes.ok_or_else(|| unavailable(self.object, "it does not exist"))
    }
}

/// An object of the archive can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the object {object} of the archive of the audit log can't be read: {reason}")]
pub struct ArchiveError {
    object: String,
    reason: String,
}

impl ArchiveError {
    /// Whether an error of a store is one of its archive.
    #[must_use]
    pub fn is_cause_of(error: &StoreError) -> bool {
        matches!(error, StoreError::Unavailable(cause) if cause.is::<Self>())
    }
}

fn unavailable(object: &str, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(Box::new(ArchiveError { object: object.to_owned(), reason: reason.to_string() }))
}
