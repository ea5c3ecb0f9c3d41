//! A search through the log in the order of identifiers: what was read is merged, and an entry is returned once nothing
//! that is unread can come before it.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use audit::StoredEntry;
use kernel::{Entry, StoreError};

use super::{
    block_cache::Block,
    old_form::OldSource,
    reader::Reader,
    steps::Steps,
    view::View,
    wanted::Wanted,
    window::{Rank, Window},
};

/// The number of entries that a page looks at, unless it would make no progress: 64 blocks.
pub(crate) const MAX_SCANNED: usize = 64 * 256;

/// The result of the search for the next entry.
pub(crate) enum Next {
    /// The entry.
    Entry(Box<StoredEntry>),
    /// As many entries as allowed were looked at, or the next one waits and was left out. Everything before this rank was returned.
    Stopped(Rank),
    /// There are no more entries.
    End,
    /// Something was moved while it was read: the search must begin again.
    Moved,
}

/// A search through the log.
pub(crate) struct Scan {
    reader: Arc<Reader>,
    view: View,
    wanted: Wanted,
    window: Window,
    hits: BinaryHeap<Reverse<Hit>>,
    old: Option<OldSource>,
    steps: Steps,
    /// The number of entries that were looked at, and that may be.
    scanned: usize,
    max_scanned: usize,
    /// The number of entries that are read at once if all match.
    batch: usize,
    /// The sequence of the last entry that is shown.
    through: i64,
    /// The first rank of an entry that waits and was left out.
    waiting_end: Option<Rank>,
    last: Option<Rank>,
}

impl Scan {
    /// Begins a search, of which `waiting` are the entries that wait. `batch` is the number of entries that are needed at
    /// once.
    pub(crate) fn new(
        reader: Arc<Reader>,
        view: View,
        waiting: impl IntoIterator<Item = Entry>,
        wanted: Wanted,
        window: Window,
        batch: usize,
    ) -> Self {
        let old = (view.old_through() > 0).then(|| OldSource::new(&wanted, window, batch));
        let steps = Steps::new(&view, &wanted, window);
        let mut scan = Self {
            reader,
            wanted,
            window,
            hits: BinaryHeap::new(),
            old,
            steps,
            scanned: 0,
            max_scanned: usize::MAX,
            batch,
            through: i64::MAX,
            waiting_end: None,
            last: None,
            view,
        };
        waiting.into_iter().for_each(|entry| scan.push(Source::Waiting(Box::new(entry))));
        scan
    }

    /// Limits the number of entries that are looked at.
    pub(crate) fn with_limit(self, max_scanned: usize) -> Self {
        Self { max_scanned, ..self }
    }

    /// Stops at the first entry that waits and is not among those that were given.
    pub(crate) fn with_waiting_end(self, waiting_end: Option<Rank>) -> Self {
        Self { waiting_end, ..self }
    }

    /// Leaves out what was sealed later.
    pub(crate) fn with_through(self, through: i64) -> Self {
        Self { through, ..self }
    }

    /// Returns the next entry.
    pub(crate) async fn next(&mut self) -> Result<Next, StoreError> {
        loop {
            let unread = self.unread().into_iter().chain(self.waiting_end).min();
            if let Some(Reverse(hit)) = self.hits.peek()
                && unread.is_none_or(|unread| hit.rank < unread)
            {
                let rank = hit.rank;
                let Some(Reverse(hit)) = self.hits.pop() else { continue };
                // An entry that was sealed meanwhile comes twice, sealed first.
                if self.last.replace(rank) != Some(rank)
                    && let Some(stored) = hit.source.into_stored()
                {
                    return Ok(Next::Entry(Box::new(stored)));
                }
                continue;
            }
            let Some(unread) = unread else { return Ok(Next::End) };
            if self.waiting_end == Some(unread) {
                return Ok(Next::Stopped(unread));
            }
            if self.scanned >= self.max_scanned && unread > self.window.start {
                return Ok(Next::Stopped(unread));
            }
            if !self.read_more(unread).await? {
                return Ok(Next::Moved);
            }
        }
    }

    /// The first rank that an unread entry may have; `None` if nothing within the window is unread.
    fn unread(&self) -> Option<Rank> {
        let old = self.old.as_ref().and_then(OldSource::unread);
        let unread = [old, self.steps.unread(&self.view)].into_iter().flatten().min()?;
        (unread <= self.window.end).then_some(unread)
    }

    /// Reads on where the first unread entry may be. Returns `false` if something was moved.
    async fn read_more(&mut self, unread: Rank) -> Result<bool, StoreError> {
        if let Some(old) = &mut self.old
            && old.unread() == Some(unread)
        {
            let entries = old.read(&*self.reader.tables, &self.view).await?;
            self.scanned += entries.len();
            if !self.reader.still_old_through(&self.view).await? {
                return Ok(false);
            }
            entries.into_iter().for_each(|entry| self.push(Source::Old(Box::new(entry))));
            return Ok(true);
        }
        let needed = self.batch.saturating_sub(self.hits.len()).max(1);
        let budget = self.max_scanned.saturating_sub(self.scanned);
        let wishes = self.steps.take(&self.reader, &self.view, needed, budget).await?;
        let Some(loaded) = self.reader.load(self.view.version(), &wishes).await? else { return Ok(false) };
        for (wish, blocks) in wishes.iter().zip(loaded) {
            for block in blocks {
                self.scanned += block.entries.len();
                if self.steps.is_filtered() {
                    self.reader.terms.keep_run(self.view.organization, &wish.key, &block.entries);
                }
                for index in 0..block.entries.len() {
                    self.push(Source::Sealed(Arc::clone(&block), index));
                }
            }
        }
        Ok(true)
    }

    fn push(&mut self, source: Source) {
        let Some(entry) = source.entry() else { return };
        let is_shown = source.sequence().is_none_or(|sequence| sequence <= self.through);
        if is_shown && self.window.contains(entry.id.ulid()) && self.wanted.matches(entry) {
            let rank = self.window.direction.rank(entry.id.ulid());
            self.hits.push(Reverse(Hit { rank, is_waiting: source.sequence().is_none(), source }));
        }
    }
}

/// An entry that was found. Sealed ones come before the same ones that wait.
struct Hit {
    rank: Rank,
    is_waiting: bool,
    source: Source,
}

enum Source {
    Waiting(Box<Entry>),
    Sealed(Arc<Block>, usize),
    Old(Box<StoredEntry>),
}

impl Source {
    /// The entry; `None` if it was redacted.
    fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Waiting(entry) => Some(entry),
            Self::Sealed(block, index) => block.entries[*index].content(),
            Self::Old(stored) => Some(&stored.entry),
        }
    }

    fn sequence(&self) -> Option<i64> {
        match self {
            Self::Waiting(_) => None,
            Self::Sealed(block, index) => Some(block.first_sequence + *index as i64),
            Self::Old(stored) => stored.seal.map(|seal| seal.sequence),
        }
    }

    fn into_stored(self) -> Option<StoredEntry> {
        match self {
            Self::Waiting(entry) => Some(StoredEntry { entry: *entry, seal: None }),
            Self::Sealed(block, index) => block.stored(index),
            Self::Old(stored) => Some(*stored),
        }
    }
}

impl Hit {
    fn sort_key(&self) -> (Rank, bool) {
        (self.rank, self.is_waiting)
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.sort_key() == other.sort_key()
    }
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}
