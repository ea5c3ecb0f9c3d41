//! The compaction of sealed runs: the blocks of a segment are replaced by the segment, and the rows of the index of a group
//! of segments by merged ones.

mod merge;
mod segment;

use std::{collections::VecDeque, sync::Arc};

use audit::{
    AuditTables,
    tables::{SegmentQuery, SegmentStart, StoredHead},
};
use kernel::{Clock, OrganizationId, StoreError};

use crate::{
    blocks::{SEGMENT_ENTRIES, end_of},
    damage::{ChainFailure, Damage},
    heads::{chains, read_heads},
    lease_owner::LeaseOwner,
    resting::Resting,
};

/// The maximum number of chains that one run looks at.
const MAX_CHAINS: usize = 64;

/// The number of heads that are read at a time after the lease was taken over.
const HEADS_PER_READ: usize = 500;

/// Compacts the chains while its owner holds the lease. The sealer reports the chains that may have something to compact;
/// after the lease was taken over, all heads are looked at once.
pub struct Compactor {
    tables: Arc<dyn AuditTables>,
    clock: Arc<dyn Clock>,
    lease: LeaseOwner,
    /// The chains whose heads were not looked at since the lease was taken over; `None` if they are not listed yet.
    unseen: Option<VecDeque<OrganizationId>>,
    /// The chains that may have something to compact.
    due: VecDeque<OrganizationId>,
    resting: Resting,
}

/// The result of one run of the compactor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compacted {
    /// There was nothing to compact in the chains that the run looked at.
    Nothing,
    /// Blocks were replaced by a segment.
    Segment {
        /// The organization of the chain.
        organization: OrganizationId,
        /// The sequence of the segment's first entry.
        first_sequence: i64,
        /// The sequence of the segment's last entry.
        last_sequence: i64,
    },
    /// The rows of the index of a group of segments were merged.
    Terms {
        /// The organization of the chain.
        organization: OrganizationId,
        /// The sequence from which the blocks of the group are counted.
        first_sequence: i64,
    },
    /// Entries are not as they were sealed: the chain is left as it is, and tried again after an hour.
    Damaged(Damage),
    /// Another process holds the lease, or has changed the chain at the same time.
    Refused,
}

impl Compactor {
    /// Creates a compactor.
    #[must_use]
    pub fn new(tables: Arc<dyn AuditTables>, clock: Arc<dyn Clock>, lease: LeaseOwner) -> Self {
        Self { tables, clock, lease, unseen: None, due: VecDeque::new(), resting: Resting::default() }
    }

    /// Lets the next runs look at all chains: what an earlier holder of the lease has left is continued.
    pub fn take_over(&mut self) {
        self.unseen = None;
        self.due.clear();
    }

    /// Reports that a chain has moved from one sequence to another. It is looked at if a segment became complete.
    pub fn report(&mut self, organization: OrganizationId, from: i64, through: i64) {
        if from / SEGMENT_ENTRIES < through / SEGMENT_ENTRIES {
            self.add(organization);
        }
    }

    /// Reports that the entries of the old form of a chain were converted.
    pub fn report_converted(&mut self, organization: OrganizationId) {
        self.add(organization);
    }

    /// Returns whether a further run may find something at once.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let has_unseen = self.unseen.as_ref().is_none_or(|unseen| !unseen.is_empty());
        has_unseen || !self.due.is_empty() || self.resting.has_rested(self.clock.now())
    }

    /// Makes at most one segment, or merges the index of one group.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails. What was due is still due then.
    pub async fn run_once(&mut self) -> Result<Compacted, StoreError> {
        let now = self.clock.now();
        for organization in self.resting.take_rested(now) {
            self.add(organization);
        }
        self.look_at_heads().await?;
        for _ in 0..MAX_CHAINS {
            let Some(&organization) = self.due.front() else { break };
            let outcome = self.compact_chain(organization).await;
            // Only now: if this future is dropped before, the chain is still due.
            self.due.pop_front();
            match outcome {
                Ok(Compacted::Nothing) => {}
                Ok(Compacted::Refused) => {
                    self.take_over();
                    return Ok(Compacted::Refused);
                }
                Ok(compacted) => {
                    self.due.push_back(organization);
                    return Ok(compacted);
                }
                Err(ChainFailure::Damage(damage)) => {
                    tracing::error!(%organization, %damage, "a chain of the audit log can't be compacted; trying again in 1 h");
                    self.resting.add(organization, now);
                    return Ok(Compacted::Damaged(damage));
                }
                Err(ChainFailure::Store(error)) => {
                    self.due.push_back(organization);
                    return Err(error);
                }
            }
        }
        Ok(Compacted::Nothing)
    }

    fn add(&mut self, organization: OrganizationId) {
        if !self.due.contains(&organization) && !self.resting.contains(organization) {
            self.due.push_back(organization);
        }
    }

    async fn look_at_heads(&mut self) -> Result<(), StoreError> {
        if self.unseen.is_none() {
            self.unseen = Some(chains(&*self.tables).await?.into());
        }
        let unseen = self.unseen.iter().flatten();
        let next: Vec<OrganizationId> = unseen.take(HEADS_PER_READ).copied().collect();
        if next.is_empty() {
            return Ok(());
        }
        for head in read_heads(&*self.tables, &next).await?.heads {
            if head.head.sequence >= SEGMENT_ENTRIES {
                self.add(head.organization);
            }
        }
        self.unseen.iter_mut().for_each(|unseen| drop(unseen.drain(..next.len())));
        Ok(())
    }

    async fn compact_chain(&self, organization: OrganizationId) -> Result<Compacted, ChainFailure> {
        let Some(chain) = CompactedChain::read(&*self.tables, organization).await? else {
            return Ok(Compacted::Nothing);
        };
        let lease = self.lease.hold(self.clock.now());
        if end_of(chain.through() + 1, SEGMENT_ENTRIES) <= chain.head.head.sequence {
            return segment::compact(&*self.tables, lease, &chain).await;
        }
        merge::merge(&*self.tables, lease, &chain).await
    }
}

/// A chain of which the first part is in segments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CompactedChain {
    head: StoredHead,
    /// The last entry of the last segment, and the greatest identifier up to it.
    last: Option<(i64, kernel::Ulid)>,
}

impl CompactedChain {
    /// Returns `None` for a chain that does not exist, or whose entries of the old form must be converted first.
    async fn read(tables: &dyn AuditTables, organization: OrganizationId) -> Result<Option<Self>, StoreError> {
        let heads = tables.heads(&[organization]).await?;
        let Some(head) = heads.into_iter().next().filter(|head| head.old_through == 0 && head.tree.is_some()) else {
            return Ok(None);
        };
        let query = SegmentQuery { start: SegmentStart::End, downwards: true, limit: 1 };
        let segments = tables.segments(organization, &query).await?;
        Ok(Some(Self { head, last: segments.first().map(|segment| (segment.last_sequence, segment.high_id)) }))
    }

    /// The sequence through which the chain is in segments, or was removed.
    fn through(&self) -> i64 {
        self.last.map_or(0, |(sequence, _)| sequence).max(self.head.removed.sequence)
    }
}
