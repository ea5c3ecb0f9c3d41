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
mod judgement;
mod own_entries;
mod own_state;
mod round;
mod state;
mod steps;
mod unlogged;
mod writer_state;
mod writers;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use audit::{AuditTables, tables::WaitingKey};
use kernel::{Clock, Entropy, Entry, OrganizationId, StoreError, Timestamp, Ulid, WriteTimestamp};

use chains::Chains;
use intake::Intake;
use unlogged::Unlogged;
use writers::Writers;

pub(crate) use chain::verify_signature;
pub use own_entries::{HEADS, ROW_REFUSED, ROWS_MISSING, WRITER_STATE_ALTERED};
pub use round::{ChainFault, MissingRows, RefusedRow, Round};

use crate::{keys::SealerKeys, log::StoredLog};

/// Number of rounds that take one row each after a round could not be stored.
const CAREFUL_ROUNDS: usize = 200;

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
    /// Whether entries of the old form may wait.
    has_old_waiting: bool,
    /// The number of rounds that still take one row each.
    careful: usize,
    /// The row of the last round, if it had one row and could not be stored.
    failed_row: Option<WaitingKey>,
    /// The rows whose parts are set aside, because they can't be sealed together.
    split: BTreeSet<WaitingKey>,
    /// The chains whose heads another sealer may have left without logging their checkpoints.
    unlogged: Unlogged,
    /// The entries for the installation's log that wait until it can be sealed.
    unreported: Vec<Entry>,
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
            has_old_waiting: true,
            careful: 0,
            failed_row: None,
            split: BTreeSet::new(),
            unlogged: Unlogged::default(),
            unreported: Vec::new(),
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
        if now >= due_at || self.unlogged.has_more() || self.has_old().await? {
            return Ok(true);
        }
        self.intake.has_rows(&*self.context.tables).await
    }

    async fn read_due_at(&mut self) -> Result<Timestamp, StoreError> {
        let writers = Writers::load(&*self.context.tables, &*self.context.keys.rows, &self.versions).await?;
        let has_altered = !writers.altered.is_empty();
        let due_at = if has_altered { Timestamp::MIN } else { writers.due_at().unwrap_or(Timestamp::MAX) };
        self.due_at = Some(due_at);
        Ok(due_at)
    }

    async fn has_old(&mut self) -> Result<bool, StoreError> {
        if self.has_old_waiting && self.chains.rested_at().is_none() {
            self.has_old_waiting = match self.context.tables.old_waiting(1).await {
                Ok(waiting) => !waiting.is_empty(),
                // The round reports it.
                Err(StoreError::Corrupt(_)) => true,
                Err(error) => return Err(error),
            };
            return Ok(self.has_old_waiting);
        }
        Ok(false)
    }

    /// Seals the entries of some rows. The lease must have been acquired before, with the same name and owner.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails; the round may have been stored then.
    pub async fn run_round(&mut self) -> Result<Round, StoreError> {
        let outcome = self.try_round().await;
        if outcome.is_err() {
            self.forget();
        }
        outcome
    }

    /// Forgets what is in memory about the tables, because it may not be what is stored: after another process has held
    /// the lease.
    pub fn forget(&mut self) {
        self.chains.forget();
        self.intake.restart();
        self.unlogged = Unlogged::default();
        self.due_at = None;
    }

    /// Forgets what is in memory about a chain, because its head was changed by another task of this process.
    pub fn forget_chain(&mut self, organization: OrganizationId) {
        self.chains.forget_chain(organization);
    }
}
