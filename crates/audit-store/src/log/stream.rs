//! Streams of entries from a snapshot: the entries that waited at the start are held in memory, and those that were sealed
//! by then are read batch by batch.

use std::sync::Arc;

use async_trait::async_trait;
use audit::StoredEntry;
use kernel::{Entry, MAX_PAGE_BYTES, OrganizationId, RecordStream, StoreError};

use super::{
    lists::{moved, text_bytes},
    reader::{MAX_ATTEMPTS, Reader},
    scan::{Next, Scan},
    wanted::Wanted,
    window::Window,
};

/// The maximum number of entries in a batch.
const BATCH: usize = 200;

/// A stream of entries.
pub(crate) struct EntryStream {
    reader: Arc<Reader>,
    organization: OrganizationId,
    wanted: Wanted,
    /// The part of the window that was not returned yet.
    window: Window,
    /// The entries that waited at the start, and match.
    waiting: Vec<Entry>,
    /// The sequence of the last entry that was sealed then.
    through: i64,
    scan: Option<Scan>,
    has_ended: bool,
}

impl EntryStream {
    /// Takes the snapshot.
    pub(crate) async fn open(
        reader: Arc<Reader>,
        organization: OrganizationId,
        wanted: Wanted,
        window: Window,
    ) -> Result<Self, StoreError> {
        let mut waiting = reader.old_waiting(Some(organization)).await?;
        let view = reader.view(organization).await?;
        waiting.extend(reader.waiting_entries(organization, &view.waiting));
        waiting.retain(|entry| window.contains(entry.id.ulid()) && wanted.matches(entry));
        let through = view.last_sequence();
        let scan = Scan::new(Arc::clone(&reader), view, waiting.iter().cloned(), wanted.clone(), window, BATCH);
        let scan = Some(scan.with_through(through));
        Ok(Self { reader, organization, wanted, window, waiting, through, scan, has_ended: false })
    }

    /// Begins again behind what was returned.
    async fn begin_again(&mut self) -> Result<(), StoreError> {
        let view = self.reader.view(self.organization).await?;
        let waiting = self.waiting.iter().cloned();
        let scan = Scan::new(Arc::clone(&self.reader), view, waiting, self.wanted.clone(), self.window, BATCH);
        self.scan = Some(scan.with_through(self.through));
        Ok(())
    }
}

#[async_trait]
impl RecordStream<StoredEntry> for EntryStream {
    async fn next(&mut self) -> Result<Option<Vec<StoredEntry>>, StoreError> {
        let (mut batch, mut bytes, mut attempts) = (Vec::new(), 0, 0);
        while batch.len() < BATCH && bytes < MAX_PAGE_BYTES && !self.has_ended {
            let next = match &mut self.scan {
                Some(scan) => scan.next().await,
                None => Ok(Next::End),
            };
            match next {
                Ok(Next::Entry(stored)) => {
                    bytes += text_bytes(&stored.entry);
                    let rank = self.window.direction.rank(stored.entry.id.ulid());
                    self.has_ended = rank >= self.window.end;
                    self.window.start = rank.saturating_add(1);
                    batch.push(*stored);
                }
                Ok(Next::Stopped(_) | Next::End) => self.has_ended = true,
                Ok(Next::Moved) => {
                    attempts += 1;
                    if attempts == MAX_ATTEMPTS {
                        self.has_ended = true;
                        return Err(moved(self.organization));
                    }
                    self.begin_again().await?;
                }
                Err(error) => {
                    self.has_ended = true;
                    return Err(error);
                }
            }
        }
        if self.has_ended {
            self.scan = None;
        }
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }
}
