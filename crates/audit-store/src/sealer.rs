//! Sealing: rows of entries that wait become runs of chains.
//!
//! Everything that a round writes is one transaction, which requires that the lease is held and that each head is the one
//! that was read. So of two sealers that both believe to hold the lease, one fails. What is in memory is only a copy of
//! what is stored: a sealer that is killed leaves nothing behind.

mod chain;
mod chains;
mod change;
mod extension;
mod intake;
mod isolation;
mod judgement;
mod old_waiting;
mod own_entries;
mod round;
mod steps;
mod unlogged;
mod writer_state;
mod writers;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use audit::{AuditTables, Checkpoint};
use kernel::{Clock, Entropy, Entry, OrganizationId, StoreError, Timestamp, Ulid, WriteTimestamp};

use chains::Chains;
use intake::Intake;
use isolation::Isolation;
use old_waiting::OldWaiting;
use unlogged::Unlogged;
use writers::Writers;

pub use own_entries::{HEADS, ROW_REFUSED, ROWS_MISSING, WRITER_STATE_ALTERED};
pub use round::{ChainFault, MissingRows, RefusedRow, Round};

use crate::{keys::SealerKeys, log::StoredLog, own_state, state};

/// The services that a sealer works with.
pub struct SealerContext {
    /// The tables of the log.
    pub tables: Arc<dyn AuditTables>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of identifiers of the sealer's own entries.
    pub entropy: Arc<dyn Entropy>,
    /// Issues the timestamps of the sealer's own entries: [`kernel::AuditTrail::begin_entry`].
    pub begin_entry: Box<dyn Fn() -> WriteTimestamp + Send + Sync>,
    /// The keys.
    pub keys: SealerKeys,
    /// The name of the lease that a round must hold.
    pub lease: &'static str,
    /// The owner of the lease.
    pub owner: String,
    /// The time for which a round renews the lease.
    pub lease_duration: Duration,
}

/// Seals the chains of an installation.
pub struct Sealer {
    context: SealerContext,
    /// Finds entries that are sealed already.
    log: StoredLog,
    chains: Chains,
    intake: Intake,
    /// The versions of the states of writers that this sealer has stored.
    versions: BTreeMap<Ulid, u64>,
    old: OldWaiting,
    isolation: Isolation,
    /// The chains whose heads another sealer may have left without logging their checkpoints.
    unlogged: Unlogged,
    /// The checkpoints of heads that this sealer found, until a round says them.
    found: Vec<Checkpoint>,
    /// The entries for the installation's log that wait until it can be sealed.
    unreported: Vec<Entry>,
    /// Whether these may have been sealed by a round whose outcome is unknown.
    is_reported: bool,
    /// The time from which on there is something to do although no row waits; `None` before the first round.
    due_at: Option<Timestamp>,
}

impl Sealer {
    /// Creates a sealer, which has nothing in memory yet.
    #[must_use]
    pub fn new(context: SealerContext) -> Self {
        let log = StoredLog::new(Arc::clone(&context.tables));
        log.set_key(Arc::clone(&context.keys.rows));
        Self {
            context,
            log,
            chains: Chains::default(),
            intake: Intake::default(),
            versions: BTreeMap::new(),
            old: OldWaiting::default(),
            isolation: Isolation::default(),
            unlogged: Unlogged::default(),
            found: Vec::new(),
            unreported: Vec::new(),
            is_reported: false,
            due_at: None,
        }
    }

    /// Returns whether a round has something to do. It writes nothing, so that the lease needs to be acquired only then.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn has_work(&mut self) -> Result<bool, StoreError> {
        let now = self.context.clock.now();
        let due_at = match self.due_at {
            Some(due_at) => due_at,
            None => self.read_due_at().await?,
        };
        if now >= due_at || self.unlogged.has_more() || self.has_old(now).await? {
            return Ok(true);
        }
        self.intake.has_rows(&*self.context.tables).await
    }

    async fn read_due_at(&mut self) -> Result<Timestamp, StoreError> {
        let writers = Writers::load(&*self.context.tables, &*self.context.keys.rows, &self.versions).await?;
        let has_altered = !writers.altered.is_empty();
        // A round that was not stored has left chains that rest.
        let due_at =
            [writers.due_at(), self.chains.rested_at(), self.isolation.rested_at()].into_iter().flatten().min();
        let has_unreported = !self.unreported.is_empty() && !self.chains.is_resting(OrganizationId::INSTALLATION);
        let due_at = if has_altered || has_unreported { Timestamp::MIN } else { due_at.unwrap_or(Timestamp::MAX) };
        self.due_at = Some(due_at);
        Ok(due_at)
    }

    /// Seals the entries of some rows. The lease must have been acquired before, with the same name and owner.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; the round may have been stored then.
    pub async fn run_round(&mut self) -> Result<Round, StoreError> {
        match self.try_round().await {
            Ok(mut round) => {
                round.checkpoints.splice(0..0, self.found.drain(..));
                Ok(round)
            }
            Err(error) => {
                self.reset();
                self.is_reported = true;
                Err(error)
            }
        }
    }

    /// Forgets what is in memory about the tables, because it may not be what is stored: after another process has held
    /// the lease.
    pub fn forget(&mut self) {
        self.reset();
    }

    fn reset(&mut self) {
        self.chains.forget();
        self.intake.restart();
        self.old.is_checked = false;
        self.unlogged = Unlogged::default();
        self.due_at = None;
    }

    /// Forgets what is in memory about a chain, because its head was changed by another task of this process.
    pub fn forget_chain(&mut self, organization: OrganizationId) {
        self.chains.forget_chain(organization);
    }
}
