//! Rows of the tables of the audit log, for tests of a store that does not care what is in them.

use std::{sync::Arc, time::Duration};

use audit::{
    AuditFilter, AuditTables, Checkpoint, Hash, Head, Signature, StoredEntry, Tree,
    tables::{
        BodyRange, HeadChange, LeaseHold, NewRun, NewSegment, Recent, RunKey, RunTable, SealingRound, SegmentQuery,
        SegmentStart, SignedHead, StoredHead, TermQuery, TermRow, TileRow, WaitingKey, WaitingRow, WriterRow,
    },
};
use kernel::{Entry, OrganizationId, PageRequest, Timestamp, Ulid};
use store::Lease;

use crate::Fixture;

/// The owner of the sealer's lease.
pub(crate) const OWNER: &str = "sealer-1";

/// The time for which the lease is renewed.
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The tables of a store without any waiting row, and the lease of its sealer.
pub(crate) struct LogRows {
    pub(crate) tables: Arc<dyn AuditTables>,
    pub(crate) lease: LeaseHold,
}

/// All that can be read from the tables about some organizations.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    waiting: Vec<WaitingRow>,
    writers: Vec<WriterRow>,
    logs: Vec<Log>,
    old_waiting: Vec<Entry>,
}

/// All that can be read from the tables about one organization.
#[derive(Debug, PartialEq)]
pub(crate) struct Log {
    pub(crate) recent: Recent,
    pub(crate) segments: Vec<RunKey>,
    pub(crate) bodies: Vec<Option<Vec<u8>>>,
    pub(crate) terms: Vec<TermRow>,
    pub(crate) tiles: Vec<TileRow>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) old_sealed: Vec<StoredEntry>,
}

impl LogRows {
    /// Takes the lease and deletes the rows of the fixture's own writes.
    pub(crate) async fn open(fixture: &Fixture) -> Self {
        let rows = Self::open_unchanged(fixture).await;
        let sealed = rows.all_waiting().await.into_iter().map(|row| row.key).collect();
        rows.seal(SealingRound { sealed, ..rows.round() }).await;
        rows
    }

    /// Takes the lease.
    pub(crate) async fn open_unchanged(fixture: &Fixture) -> Self {
        let now = fixture.now();
        assert!(fixture.store.acquire_lease(Lease::Sealer, OWNER, now, LEASE_DURATION).await.unwrap());
        let lease = LeaseHold { lease: "sealer", owner: OWNER.into(), now, duration: LEASE_DURATION };
        Self { tables: fixture.store.audit_tables(), lease }
    }

    /// Releases the lease.
    pub(crate) async fn close(self, fixture: &Fixture) {
        fixture.store.release_lease(Lease::Sealer, OWNER).await.unwrap();
    }

    /// A round in which nothing changes.
    pub(crate) fn round(&self) -> SealingRound {
        SealingRound {
            lease: self.lease.clone(),
            heads: Vec::new(),
            sealed: Vec::new(),
            waiting: Vec::new(),
            old_waiting: Vec::new(),
            writers: Vec::new(),
            ended_writers: Vec::new(),
        }
    }

    /// Stores a round.
    pub(crate) async fn seal(&self, round: SealingRound) {
        assert!(self.tables.seal(&round).await.unwrap(), "the round is not stored");
    }

    /// Stores a chain's head and runs.
    pub(crate) async fn seal_head(&self, change: HeadChange) {
        self.seal(SealingRound { heads: vec![change], ..self.round() }).await;
    }

    pub(crate) async fn all_waiting(&self) -> Vec<WaitingRow> {
        self.tables.waiting(None, 1_000, usize::MAX).await.unwrap()
    }

    /// Everything about these organizations, and what is not about any.
    pub(crate) async fn content(&self, organizations: &[OrganizationId]) -> Content {
        let mut logs = Vec::new();
        for organization in organizations {
            logs.push(self.log(*organization).await);
        }
        let mut writers = self.tables.writers().await.unwrap();
        writers.sort_by_key(|row| row.writer);
        let waiting = self.all_waiting().await;
        Content { waiting, writers, logs, old_waiting: self.tables.old_waiting(1_000).await.unwrap() }
    }

    pub(crate) async fn log(&self, organization: OrganizationId) -> Log {
        let all = SegmentQuery { start: SegmentStart::End, downwards: false, limit: 1_000 };
        let recent = self.tables.recent(organization).await.unwrap();
        let segments = self.tables.segments(organization, &all).await.unwrap();
        let ranges: Vec<_> =
            recent.runs.iter().chain(&segments).map(|run| whole(run.table, run.first_sequence)).collect();
        let mut terms = Vec::new();
        for bucket in [-1, 0, 7] {
            let query = TermQuery { bucket, from: 0, before: i64::MAX, downwards: false, limit: 1_000 };
            terms.extend(self.tables.terms(organization, &query).await.unwrap());
        }
        Log {
            bodies: self.tables.bodies(organization, &ranges).await.unwrap(),
            terms,
            tiles: self.tiles(organization).await,
            checkpoints: self.tables.checkpoints(organization, 0, 1_000).await.unwrap(),
            old_sealed: self.tables.old_sealed(organization, 0, 1_000).await.unwrap(),
            recent,
            segments,
        }
    }

    async fn tiles(&self, organization: OrganizationId) -> Vec<TileRow> {
        let mut tiles = self.tables.tiles(organization, &[(1, 0), (1, 1), (2, 0)]).await.unwrap();
        tiles.sort_by_key(|row| (row.level, row.tile));
        tiles
    }

    /// The identifiers of the sealed entries of the old form, as a list without a filter returns them.
    pub(crate) async fn old_entries(&self, organization: OrganizationId, page: &PageRequest) -> Vec<StoredEntry> {
        self.tables.old_entries(organization, &AuditFilter::default(), page).await.unwrap().items
    }
}

/// The hash of an entry with this sequence.
pub(crate) fn hash(sequence: i64) -> Hash {
    Hash::digest(&sequence.to_le_bytes())
}

pub(crate) fn head(sequence: i64) -> Head {
    if sequence == 0 { Head::EMPTY } else { Head { sequence, hash: hash(sequence) } }
}

pub(crate) fn signature(number: u8) -> Signature {
    Signature(std::array::from_fn(|index| number.wrapping_add(index as u8)))
}

/// A signed head over a tree of this many entries.
pub(crate) fn stored_head(organization: OrganizationId, sequence: i64) -> StoredHead {
    let mut tree = Tree::default();
    (1..=sequence).for_each(|sequence| tree.push(hash(sequence)));
    let signed =
        SignedHead { signed_at: at(sequence), checkpoint: signature(1), note: Some(signature(2)), tag: [3; 32] };
    StoredHead {
        organization,
        head: head(sequence),
        tree: Some(tree),
        high_id: id(sequence),
        late_ms: 0,
        signed: Some(signed),
        removed: Head::EMPTY,
        old_through: 0,
        redacted: 0,
    }
}

/// The change of a head from one sequence to another, with a run of the entries in between.
pub(crate) fn progress(organization: OrganizationId, before: i64, after: i64) -> HeadChange {
    HeadChange {
        before: head(before),
        after: stored_head(organization, after),
        replaced_runs: Vec::new(),
        runs: vec![run(before + 1, after)],
        checkpoint: None,
    }
}

pub(crate) fn checkpoint(organization: OrganizationId, sequence: i64) -> Checkpoint {
    Checkpoint { organization, sequence, hash: hash(sequence), signed_at: at(sequence), signature: signature(3) }
}

/// A run whose body states what it is.
pub(crate) fn run(first_sequence: i64, last_sequence: i64) -> NewRun {
    let body = format!("run {first_sequence} to {last_sequence}").into_bytes();
    NewRun { first_sequence, last_sequence, first_id: id(first_sequence), high_id: id(last_sequence), body }
}

pub(crate) fn segment(first_sequence: i64, last_sequence: i64) -> NewSegment {
    let run = NewRun {
        body: format!("segment {first_sequence} to {last_sequence}").into_bytes(),
        ..run(first_sequence, last_sequence)
    };
    NewSegment { digest: Hash::digest(&run.body), run }
}

pub(crate) fn run_key(table: RunTable, run: &NewRun) -> RunKey {
    let NewRun { first_sequence, last_sequence, first_id, high_id, .. } = *run;
    RunKey { table, first_sequence, last_sequence, first_id, high_id, archived: None }
}

pub(crate) fn terms(bucket: i64, first_sequence: i64) -> TermRow {
    TermRow { bucket, first_sequence, body: format!("terms {bucket} of {first_sequence}").into_bytes() }
}

pub(crate) fn tile(level: i64, tile: i64, hashes: &[Hash]) -> TileRow {
    TileRow { level, tile, hashes: hashes.iter().flat_map(|hash| hash.0).collect() }
}

/// A row with this number of entries, whose time is this number of milliseconds after 1970.
pub(crate) fn waiting(organization: OrganizationId, millis: u64, entries: i64) -> WaitingRow {
    let key = WaitingKey { organization, id: Ulid::from_parts(millis, 5) };
    WaitingRow { key, entries, body: format!("{entries:02} entries").into_bytes() }
}

/// The whole body of a run or segment.
pub(crate) fn whole(table: RunTable, first_sequence: i64) -> BodyRange {
    BodyRange { table, first_sequence, offset: 0, length: usize::MAX }
}

/// The identifier of an entry with this sequence.
pub(crate) fn id(sequence: i64) -> Ulid {
    Ulid::from_parts(at(sequence).millis().unsigned_abs(), 7)
}

pub(crate) fn at(sequence: i64) -> Timestamp {
    Timestamp::from_millis(1_779_718_000_000 + sequence)
}
