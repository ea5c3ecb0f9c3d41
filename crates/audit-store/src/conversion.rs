//! The conversion of sealed entries of the old form, a row each, to segments and blocks; and of the tree over all entries
//! of a chain from before there was one.

mod finish;
mod old_entries;

use std::{collections::VecDeque, sync::Arc};

use audit::{
    AuditTables, BLOCK_ENTRIES, Hash,
    tables::{Conversion, RunKey, SegmentQuery, SegmentStart, SignedHead, StoredHead},
    tree_root,
};
use kernel::{Clock, OrganizationId, StoreError, Ulid};

use crate::{
    blocks::{HashedBlock, SEGMENT_ENTRIES, end_of, new_segment, removed_leaves},
    conversion::{
        finish::Finish,
        old_entries::{OldEntries, read_old_entries},
    },
    damage::{ChainFailure, Damage},
    heads::{ReadHeads, chains, read_heads},
    keys::SealerKeys,
    lease_owner::LeaseOwner,
    resting::Resting,
    stored_head::{head_tag, verify_signature, verify_tag},
    tiles::append_roots,
};

/// The number of heads that are read at a time to find the chains to convert.
const HEADS_PER_READ: usize = 500;

/// Converts the chains one after another, a segment in each run, while its owner holds the lease of the sealer. Which
/// segments exist is all that a stopped conversion continues from.
///
/// The last step of a chain stores the tree with its signature. It changes a head without a new entry, so the sealer must
/// not keep a chain that is not converted in memory, and its rounds and these steps must take turns.
pub struct Converter {
    tables: Arc<dyn AuditTables>,
    clock: Arc<dyn Clock>,
    lease: LeaseOwner,
    keys: SealerKeys,
    /// The organizations whose heads were not looked at; `None` if they are not listed yet.
    unseen: Option<VecDeque<OrganizationId>>,
    /// The chains that are not converted.
    due: VecDeque<OrganizationId>,
    /// The tree of the first chain, once its segments exist.
    finish: Option<Finish>,
    resting: Resting,
    is_done: bool,
}

/// The result of one run of the conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Converted {
    /// No chain has entries of the old form, or only those that rest.
    Nothing,
    /// A chain is converted up to this sequence.
    Step {
        /// The organization of the chain.
        organization: OrganizationId,
        /// The sequence of the last entry that was converted or added to the tree.
        last_sequence: i64,
    },
    /// A chain is converted, and has a tree. The compactor looks at it if that is reported.
    Finished {
        /// The organization of the chain.
        organization: OrganizationId,
    },
    /// An entry is not as it was sealed: the chain is left as it is, and tried again after an hour.
    Damaged(Damage),
    /// Another process holds the lease, or has changed the chain at the same time.
    Refused,
}

impl Converter {
    /// Creates a converter.
    #[must_use]
    pub fn new(tables: Arc<dyn AuditTables>, clock: Arc<dyn Clock>, lease: LeaseOwner, keys: SealerKeys) -> Self {
        Self {
            tables,
            clock,
            lease,
            keys,
            unseen: None,
            due: VecDeque::new(),
            finish: None,
            resting: Resting::default(),
            is_done: false,
        }
    }

    /// Lets the next runs look at all chains again, after the lease was taken over.
    pub fn take_over(&mut self) {
        (self.unseen, self.finish, self.is_done) = (None, None, false);
        self.due.clear();
    }

    /// Does the next step: at most one segment. When no chain has entries of the old form any longer, they are deleted.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails. The next run tries again.
    pub async fn run_once(&mut self) -> Result<Converted, StoreError> {
        let now = self.clock.now();
        self.due.extend(self.resting.take_rested(now));
        self.look_at_heads().await?;
        if let Some(&organization) = self.due.front() {
            return self.convert_chain(organization).await;
        }
        let is_complete = self.unseen.as_ref().is_some_and(VecDeque::is_empty) && self.resting.is_empty();
        if is_complete && !self.is_done {
            self.tables.delete_old_entries().await?;
            self.is_done = true;
        }
        Ok(Converted::Nothing)
    }

    async fn convert_chain(&mut self, organization: OrganizationId) -> Result<Converted, StoreError> {
        match self.step(organization).await {
            Ok(converted) => {
                if let Converted::Finished { .. } = converted {
                    self.due.pop_front();
                }
                Ok(converted)
            }
            Err(ChainFailure::Damage(damage)) => {
                tracing::error!(%organization, %damage, "the old entries of an audit log can't be converted; trying again in 1 h");
                self.rest(organization);
                Ok(Converted::Damaged(damage))
            }
            Err(ChainFailure::Store(error)) => {
                if let StoreError::Corrupt(_) = error {
                    self.rest(organization);
                }
                Err(error)
            }
        }
    }

    fn rest(&mut self, organization: OrganizationId) {
        self.resting.add(organization, self.clock.now());
        self.due.pop_front();
        self.finish = None;
    }

    async fn look_at_heads(&mut self) -> Result<(), StoreError> {
        if self.unseen.is_none() {
            self.unseen = Some(chains(&*self.tables).await?.into());
        }
        let next: Vec<OrganizationId> = self.unseen.iter().flatten().take(HEADS_PER_READ).copied().collect();
        if next.is_empty() {
            return Ok(());
        }
        let ReadHeads { heads, .. } = read_heads(&*self.tables, &next).await?;
        self.due.extend(heads.iter().filter(|head| !is_converted(head)).map(|head| head.organization));
        self.unseen.iter_mut().for_each(|unseen| drop(unseen.drain(..next.len())));
        Ok(())
    }

    async fn step(&mut self, organization: OrganizationId) -> Result<Converted, ChainFailure> {
        let heads = self.tables.heads(&[organization]).await?;
        let Some(head) = heads.into_iter().next().filter(|head| !is_converted(head)) else {
            // It is one whose last step was stored although its outcome was not known.
            return Ok(Converted::Finished { organization });
        };
        verify_tag(&*self.keys.rows, &head)?;
        let query = SegmentQuery { start: SegmentStart::End, downwards: true, limit: 1 };
        let last = self.tables.segments(organization, &query).await?.into_iter().next();
        let through = last.as_ref().map_or(0, |segment| segment.last_sequence).max(head.removed.sequence);
        let end = end_of(through + 1, SEGMENT_ENTRIES);
        if end <= head.old_through {
            return self.convert_segment(&head, last.as_ref(), (through + 1, end)).await;
        }
        let mut finish = match self.finish.take().filter(|finish| finish.is_about(&head)) {
            Some(finish) => finish,
            None => Finish::new(&head, last.as_ref()),
        };
        let conversion = finish.step(&*self.tables, &*self.keys.rows, self.lease.hold(self.clock.now())).await?;
        let Some(mut conversion) = conversion else {
            let last_sequence = finish.last_sequence();
            self.finish = Some(finish);
            return Ok(Converted::Step { organization, last_sequence });
        };
        if let Some(change) = &mut conversion.head {
            change.after.signed = Some(self.sign(&change.after).await?);
        }
        let is_stored = self.tables.convert(&conversion).await?;
        Ok(if is_stored { Converted::Finished { organization } } else { Converted::Refused })
    }

    /// Adds the signature of the tree to that of the head, which must be of this installation: a head that was changed must
    /// not be signed once more.
    async fn sign(&self, head: &StoredHead) -> Result<SignedHead, StoreError> {
        let (signed_at, checkpoint) = verify_signature(&*self.tables, &*self.keys.checkpoints, head).await?;
        let notes = self.keys.notes.as_ref().zip(head.tree.as_ref());
        let note = notes.map(|(notes, tree)| notes.sign_tree(head.organization, tree.size(), tree.root()));
        let tag = head_tag(&*self.keys.rows, head, note.as_ref());
        Ok(SignedHead { signed_at, checkpoint, note, tag })
    }

    async fn convert_segment(
        &self,
        head: &StoredHead,
        last: Option<&RunKey>,
        range: (i64, i64),
    ) -> Result<Converted, ChainFailure> {
        let organization = head.organization;
        let OldEntries { entries, blocks, .. } = read_old_entries(&*self.tables, head, range).await?;
        let (segment, terms) = new_segment(organization, &entries, &blocks, high_id(last));
        let mut roots = Vec::new();
        let mut stored = (range.0 - 1) / BLOCK_ENTRIES;
        if last.is_none() {
            roots.extend(removed_roots(head));
            stored = 0;
        }
        roots.extend(blocks.iter().map(HashedBlock::root));
        let conversion = Conversion {
            lease: self.lease.hold(self.clock.now()),
            organization,
            segments: vec![segment],
            runs: Vec::new(),
            terms: vec![terms],
            tiles: append_roots(&*self.tables, organization, stored, &roots).await?,
            head: None,
        };
        let is_stored = self.tables.convert(&conversion).await?;
        Ok(if is_stored { Converted::Step { organization, last_sequence: range.1 } } else { Converted::Refused })
    }
}

fn is_converted(head: &StoredHead) -> bool {
    head.old_through == 0 && head.tree.is_some()
}

fn high_id(last: Option<&RunKey>) -> Ulid {
    last.map_or(Ulid::nil(), |segment| segment.high_id)
}

/// The roots of the blocks that were removed as a whole before the tree was built: see
/// [`crate::block_root`].
fn removed_roots(head: &StoredHead) -> Vec<Hash> {
    let count = usize::try_from(head.removed.sequence / BLOCK_ENTRIES).unwrap_or(0);
    let root = |last| tree_root(removed_leaves(BLOCK_ENTRIES, last));
    let mut roots = vec![root(Hash::ZERO); count];
    if let Some(last) = roots.last_mut().filter(|_| head.removed.sequence % BLOCK_ENTRIES == 0) {
        *last = root(head.removed.hash);
    }
    roots
}
