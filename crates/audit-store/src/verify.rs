//! Verification of the whole chain of an organization: all that is stored of it is read, decoded and hashed once more, on
//! all processors.

mod chain_state;
mod checked_block;
mod checkpoints;
mod index;
mod named_heads;
mod tiles;

use std::collections::{BTreeMap, VecDeque};

use audit::{
    BLOCK_ENTRIES, Checkpoint, CheckpointVerifier, Fault, Hash, Head, Link, VerificationError, VerifiedChain,
    tables::{BodyRange, RunKey, RunTable, StoredHead},
};
use kernel::{OrganizationId, StoreError};
use tokio::task::JoinHandle;

use chain_state::ChainState;
use checked_block::{CheckedRun, check_run};
use checkpoints::KeptCheckpoints;
use index::Index;
pub use named_heads::NamedHeads;
use tiles::Tiles;

use crate::log::{MAX_ATTEMPTS, Reader, StoredLog, View, is_replaced, moved};

/// The number of entries that are read at a time.
const READ_ENTRIES: i64 = 4 * 4_096;

/// The number of entries of the old form that are read at a time.
const OLD_PAGE: usize = 500;

/// A reason to read the log again.
enum Interrupted {
    Moved,
    Failed(VerificationError),
}

impl<E: Into<VerificationError>> From<E> for Interrupted {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl StoredLog {
    /// Verifies an organization's chain, its tree, its index, its head and the checkpoints that are kept with it, against
    /// what was stored elsewhere. The store may be written to at the same time. Unsealed entries are not part of the
    /// chain: see [`Self::unsealed_stats`].
    ///
    /// # Errors
    /// [`VerificationError`]: the first fault, or the store's failure.
    pub async fn verify(
        &self,
        organization: OrganizationId,
        key: &dyn CheckpointVerifier,
        expected: Expected<'_>,
    ) -> Result<VerifiedChain, VerificationError> {
        loop {
            self.reader.forget(organization);
            let start = self.start(organization).await?;
            let verification = Verification { reader: &self.reader, organization, key, expected };
            let outcome = verification.run(start).await;
            // Entries may have been removed, or the tree completed, while the chain was read.
            let (removed, has_tree) = self.start(organization).await?;
            if has_tree == start.1 && (outcome.is_ok() || removed == start.0) {
                return outcome;
            }
        }
    }

    /// Returns where the chain begins, and whether it has a tree.
    async fn start(&self, organization: OrganizationId) -> Result<(Head, bool), StoreError> {
        let head = self.reader.head(organization).await?;
        Ok(head.map_or((Head::EMPTY, true), |head| (head.removed, head.tree.is_some())))
    }
}

/// The parts of a chain that were stored elsewhere, and that it must have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'parts> {
    /// Signed checkpoints.
    pub checkpoints: &'parts [Checkpoint],
    /// The sizes of trees, and their roots.
    pub roots: &'parts [(u64, Hash)],
    /// Sequences with the hashes of their entries.
    pub heads: &'parts [Head],
}

struct Verification<'log> {
    reader: &'log Reader,
    organization: OrganizationId,
    key: &'log dyn CheckpointVerifier,
    expected: Expected<'log>,
}

/// The progress of a verification.
struct Progress {
    chain: ChainState,
    tiles: Tiles,
    checkpoints: KeptCheckpoints,
    index: Index,
}

impl Verification<'_> {
    async fn run(&self, (start, has_tree): (Head, bool)) -> Result<VerifiedChain, VerificationError> {
        let tables = &*self.reader.tables;
        let tiles = Tiles::load(tables, self.organization, (start, has_tree)).await?;
        let mut chain = ChainState::new(self.organization, start, tiles.removed_tree());
        for (size, root) in self.expected.roots {
            chain.expect_root(*size, *root)?;
        }
        for head in self.expected.heads {
            chain.expect_head(*head)?;
        }
        for checkpoint in self.expected.checkpoints {
            chain.expect_checkpoint(checkpoint, self.key)?;
        }
        let checkpoints = KeptCheckpoints::new(self.organization);
        let mut progress = Progress { chain, tiles, checkpoints, index: Index::default() };
        let mut attempts = 0;
        loop {
            let verified = progress.chain.head.sequence;
            match self.run_once(&mut progress).await {
                Ok(chain) => return Ok(chain),
                Err(Interrupted::Failed(error)) => return Err(error),
                Err(Interrupted::Moved) => {}
            }
            attempts = if progress.chain.head.sequence > verified { 0 } else { attempts + 1 };
            if attempts == MAX_ATTEMPTS {
                return Err(moved(self.organization).into());
            }
        }
    }

    /// Verifies the rest of the chain as it is now. The progress ends with the last whole block.
    async fn run_once(&self, progress: &mut Progress) -> Result<VerifiedChain, Interrupted> {
        let view = self.reader.chain_view(self.organization).await?;
        self.verify_old(&view, progress).await?;
        let first = view.unit_at(progress.chain.head.sequence + 1);
        // Of the first block, entries may have been removed.
        let start = view.removed().max(view.old_through()) + 1;
        let is_whole = |key: &RunKey| {
            let begins_block = (key.first_sequence - 1) % BLOCK_ENTRIES == 0 || key.first_sequence == start;
            begins_block && key.last_sequence % BLOCK_ENTRIES == 0
        };
        let keys: Vec<RunKey> = (first..view.len()).map(|unit| view.key(unit).clone()).collect();
        let whole = keys.iter().take_while(|key| is_whole(key)).count();
        self.verify_whole(&keys[..whole], progress).await?;
        let head = view.head.as_ref();
        let last = head.map_or(0, |head| head.head.sequence);
        if progress.chain.head.sequence > last {
            self.still_has_head(head).await?;
            return Err(Fault::Unsigned { from: last + 1 }.into());
        }
        // What follows is read from its first block on if something is moved.
        let (mut chain, mut checkpoints) = (progress.chain.clone(), progress.checkpoints.clone());
        if let Some(checkpoint) = head.and_then(checkpoint_of) {
            chain.expect_checkpoint(&checkpoint, self.key)?;
        }
        for (key, body) in self.bodies(&keys[whole..]).await? {
            let CheckedRun { blocks, terms } = check_run(self.organization, &key, &body)?;
            if let Some(terms) = terms {
                progress.index.push(&*self.reader.tables, self.organization, &key, terms).await?;
            }
            let last = blocks.last().map_or(0, |block| *block.sequences.end());
            checkpoints.expect_up_to(last, &*self.reader.tables, &mut chain, self.key).await?;
            chain.push_run(&key, &blocks)?;
        }
        if chain.head.sequence != last {
            // What was sealed since the runs were listed is read the next time.
            self.still_has_head(head).await?;
        }
        checkpoints.expect_up_to(i64::MAX, &*self.reader.tables, &mut chain, self.key).await?;
        let finished = chain.finish(head);
        if finished.is_err() {
            self.still_has_head(head).await?;
        }
        let has_tree = head.is_some_and(|head| head.tree.is_some());
        progress.tiles.check(&*self.reader.tables, has_tree, &view).await?;
        progress.index.check(&*self.reader.tables, self.organization).await?;
        Ok(finished?)
    }

    /// Returns an error if the chain has another head by now.
    async fn still_has_head(&self, head: Option<&StoredHead>) -> Result<(), Interrupted> {
        let stored = self.reader.head(self.organization).await?;
        if stored.as_ref() == head { Ok(()) } else { Err(Interrupted::Moved) }
    }

    /// Verifies the entries that are read in the old form.
    async fn verify_old(&self, view: &View, progress: &mut Progress) -> Result<(), Interrupted> {
        while progress.chain.head.sequence < view.old_through() {
            let after = progress.chain.head.sequence;
            let page = self.reader.tables.old_sealed(self.organization, after, OLD_PAGE).await?;
            if !self.reader.still_old_through(view).await? {
                return Err(Interrupted::Moved);
            }
            let links: Vec<Link> = page.iter().filter_map(Link::from_stored).collect();
            let links: Vec<Link> = links.into_iter().filter(|link| link.sequence <= view.old_through()).collect();
            let Some(last) = links.last() else {
                return Err(Fault::HeadLost { last: after, sequence: view.old_through() }.into());
            };
            let (tables, last) = (&*self.reader.tables, last.sequence);
            progress.checkpoints.expect_up_to(last, tables, &mut progress.chain, self.key).await?;
            for link in &links {
                progress.chain.push_old(link)?;
                progress.tiles.push_entry(link.hash);
            }
        }
        Ok(())
    }

    /// Verifies runs of whole blocks: while some are read, others are decoded and hashed.
    async fn verify_whole(&self, keys: &[RunKey], progress: &mut Progress) -> Result<(), Interrupted> {
        let mut unread = keys;
        let mut checks = VecDeque::new();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        while !unread.is_empty() || !checks.is_empty() {
            if checks.len() < 8 * workers && !unread.is_empty() {
                let last = unread[0].first_sequence.saturating_add(READ_ENTRIES);
                let (batch, rest) = unread.split_at(unread.partition_point(|key| key.first_sequence < last).max(1));
                unread = rest;
                let digests = self.digests(batch).await?;
                for (key, body) in self.bodies(batch).await? {
                    let organization = self.organization;
                    let task_key = key.clone();
                    let digest = digests.get(&key.first_sequence).copied();
                    let check = tokio::task::spawn_blocking(move || {
                        let checked = check_run(organization, &task_key, &body)?;
                        // A byte may be changed so that the same entries are read from it.
                        match digest.is_some_and(|digest| Hash::digest(&body) != digest) {
                            true => Err(Fault::AlteredBlock {
                                first: task_key.first_sequence,
                                last: task_key.last_sequence,
                            }),
                            false => Ok(checked),
                        }
                    });
                    checks.push_back((key, AbortOnDrop(check)));
                }
                continue;
            }
            let Some((key, check)) = checks.pop_front() else { continue };
            let CheckedRun { blocks, terms } = check.result().await?;
            let (tables, chain) = (&*self.reader.tables, &mut progress.chain);
            progress.checkpoints.expect_up_to(key.last_sequence, tables, chain, self.key).await?;
            chain.push_run(&key, &blocks)?;
            blocks.iter().for_each(|block| progress.tiles.push_block(block));
            if let Some(terms) = terms {
                progress.index.push(tables, self.organization, &key, terms).await?;
            }
        }
        Ok(())
    }

    /// The digests of the segments among these runs, by their first sequences.
    async fn digests(&self, keys: &[RunKey]) -> Result<BTreeMap<i64, Hash>, Interrupted> {
        let segments = || keys.iter().filter(|key| key.table == RunTable::Segments);
        let Some(first) = segments().next() else { return Ok(BTreeMap::new()) };
        let digests = self.reader.tables.digests(self.organization, first.first_sequence, segments().count()).await?;
        Ok(digests.into_iter().collect())
    }

    async fn bodies(&self, keys: &[RunKey]) -> Result<Vec<(RunKey, Vec<u8>)>, Interrupted> {
        let range = |key: &RunKey| BodyRange {
            table: key.table,
            first_sequence: key.first_sequence,
            offset: 0,
            length: usize::MAX,
        };
        let ranges: Vec<BodyRange> = keys.iter().map(range).collect();
        let bodies = self.reader.tables.bodies(self.organization, &ranges).await?;
        let is_there =
            |(key, body): (&RunKey, Option<Vec<u8>>)| Some((key.clone(), body.filter(|body| !is_replaced(key, body))?));
        let bodies: Option<Vec<(RunKey, Vec<u8>)>> = keys.iter().zip(bodies).map(is_there).collect();
        bodies.ok_or(Interrupted::Moved)
    }
}

/// The checkpoint of a head.
fn checkpoint_of(stored: &StoredHead) -> Option<Checkpoint> {
    let signed = stored.signed?;
    Some(Checkpoint {
        organization: stored.organization,
        sequence: stored.head.sequence,
        hash: stored.head.hash,
        signed_at: signed.signed_at,
        signature: signed.checkpoint,
    })
}

/// A check in another thread, which is not begun if nobody waits for it any longer.
struct AbortOnDrop(JoinHandle<Result<CheckedRun, Fault>>);

impl AbortOnDrop {
    async fn result(mut self) -> Result<CheckedRun, VerificationError> {
        match (&mut self.0).await {
            Ok(checked) => Ok(checked?),
            Err(error) => Err(StoreError::Unavailable(error.into()).into()),
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
