//! Streams of entries from a snapshot: the entries that waited at the start are held in memory, and those that were sealed
//! by then are read batch by batch. If too many wait, a further snapshot is taken for the rest.

use std::sync::Arc;

use async_trait::async_trait;
use audit::StoredEntry;
use kernel::{Entry, MAX_PAGE_BYTES, OrganizationId, RecordStream, StoreError, Ulid};

use super::{
    lists::moved,
    reader::{MAX_ATTEMPTS, Reader},
    scan::{Next, Scan},
    sizes::text_bytes,
    view::View,
    waiting::WaitingMatches,
    wanted::Wanted,
    window::{Direction, Rank, Window},
};

/// The maximum number of entries in a batch.
const BATCH: usize = 200;

/// The number of bytes of entries that wait and are held in memory.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// A stream of entries.
pub(crate) struct EntryStream {
    reader: Arc<Reader>,
    organization: OrganizationId,
    wanted: Wanted,
    /// The part of the window that was not returned yet.
    window: Window,
    /// The entries that waited at the start, and match.
    waiting: Vec<Entry>,
    /// The first rank of such an entry that is not held in memory.
    waiting_end: Option<Rank>,
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
        let mut stream = Self {
            reader,
            organization,
            wanted,
            window,
            waiting: Vec::new(),
            waiting_end: None,
            through: 0,
            scan: None,
            has_ended: false,
        };
        let high_id = stream.take_snapshot(true).await?;
        // What is written later does not belong to the snapshot.
        if stream.waiting_end.is_some() && window.direction == Direction::Up {
            stream.window.end = window.end.min(high_id.0);
        }
        Ok(stream)
    }

    /// Takes a snapshot of what is left. Returns the greatest identifier, if `is_first`.
    async fn take_snapshot(&mut self, is_first: bool) -> Result<Ulid, StoreError> {
        let matches = WaitingMatches::new(&self.wanted, self.window, usize::MAX, MAX_WAITING_BYTES);
        let mut matches = if is_first { matches.through_all_rows() } else { matches };
        let old = self.reader.old_waiting(Some(self.organization)).await?;
        old.into_iter().for_each(|entry| matches.push(entry));
        let view = self.reader.view_with(self.organization, &mut matches).await?;
        let sealed = view.head.as_ref().map_or(Ulid::nil(), |head| head.high_id);
        let high_id = matches.high_id().max(sealed);
        (self.waiting, self.waiting_end) = matches.into_entries();
        self.through = view.last_sequence();
        self.scan_view(view);
        Ok(high_id)
    }

    /// Begins again behind what was returned.
    async fn begin_again(&mut self) -> Result<(), StoreError> {
        let view = self.reader.chain_view(self.organization).await?;
        self.scan_view(view);
        Ok(())
    }

    fn scan_view(&mut self, view: View) {
        let waiting = self.waiting.iter().cloned();
        let scan = Scan::new(Arc::clone(&self.reader), view, waiting, self.wanted.clone(), self.window, BATCH);
        self.scan = Some(scan.with_through(self.through).with_waiting_end(self.waiting_end));
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
                Ok(Next::Stopped(rank)) => {
                    self.window.start = rank;
                    self.take_snapshot(false).await?;
                }
                Ok(Next::End) => self.has_ended = true,
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
