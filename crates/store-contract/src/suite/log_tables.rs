//! Reads of the tables of the audit log.

use audit::tables::{
    BodyRange, Compaction, CosignedRow, HeadChange, MAX_RECENT_ROWS, NewRun, RunTable, SealingRound, SegmentQuery,
    SegmentStart, TermMerge, TermQuery, WaitingKey, WaitingRow, WaitingStats,
};
use kernel::{OrganizationId, Timestamp, Ulid};

use crate::{
    Fixture,
    log_rows::{
        LogRows, checkpoint, hash, id, progress, run, run_key, segment, stored_head, terms, tile, waiting, whole,
    },
};

/// Stores segments, which begin at these sequences and have ten entries each.
async fn store_segments(log: &LogRows, organization: OrganizationId, firsts: &[i64]) {
    for first in firsts {
        let compaction = Compaction {
            lease: log.lease.clone(),
            organization,
            replaced_runs: Vec::new(),
            segment: segment(*first, first + 9),
            terms: terms(-1, *first),
            tiles: Vec::new(),
        };
        assert!(log.tables.compact(&compaction).await.unwrap());
    }
}

/// A reader gets the rows of its organization and the shared ones that have entries, its runs in the order of the chain,
/// and its head.
pub async fn recent_rows_are_those_of_the_organization_and_shared_ones(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (one, other) = (fixture.new_id(), fixture.new_id());
    let [late, early] = [waiting(one, 20, 1), waiting(one, 10, -300)];
    let shared = waiting(OrganizationId::INSTALLATION, 15, 4);
    let hidden = [waiting(one, 12, 0), waiting(other, 11, 3), waiting(OrganizationId::INSTALLATION, 9, 0)];
    log.seal(SealingRound {
        heads: vec![
            HeadChange { runs: vec![run(300, 301), run(1, 256), run(257, 299)], ..progress(one, 0, 301) },
            progress(other, 0, 1),
        ],
        waiting: [late.clone(), early.clone(), shared.clone()].into_iter().chain(hidden).collect(),
        ..log.round()
    })
    .await;
    let recent = log.tables.recent(one).await.unwrap();
    assert_eq!(recent.waiting, [shared.clone(), early, late]);
    let runs = [run(1, 256), run(257, 299), run(300, 301)];
    assert_eq!(recent.runs, runs.map(|run| run_key(RunTable::Runs, &run)));
    assert_eq!(recent.head, Some(stored_head(one, 301)));
    let installation = log.tables.recent(OrganizationId::INSTALLATION).await.unwrap();
    assert_eq!((installation.waiting, installation.runs.len(), installation.head), (vec![shared.clone()], 0, None));
    assert_eq!(log.tables.recent(fixture.new_id()).await.unwrap().waiting, [shared]);
}

/// A reader gets as many rows as it asks for, and no more than a number of them together with the head.
pub async fn rows_of_an_organization_are_read_in_pages(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (one, other) = (fixture.new_id(), fixture.new_id());
    let count = u64::try_from(MAX_RECENT_ROWS).unwrap() + 5;
    let all = |owner| (1..=count).map(move |at| waiting(owner, at, if at % 2 == 0 { -1 } else { 1 }));
    let [shared, own] = [OrganizationId::INSTALLATION, one].map(|owner| all(owner).collect::<Vec<_>>());
    let hidden = [waiting(other, 3, 1), waiting(one, count + 1, 0)];
    log.seal(SealingRound { waiting: [shared.clone(), own.clone(), hidden.to_vec()].concat(), ..log.round() }).await;
    let recent = log.tables.recent(one).await.unwrap().waiting;
    assert_eq!(recent, [&shared[..MAX_RECENT_ROWS], &own[..MAX_RECENT_ROWS]].concat());
    let read = async |after: Option<&WaitingRow>, limit| {
        log.tables.waiting_of(one, after.map(|row| row.key.id), limit).await.unwrap()
    };
    assert_eq!(read(None, 3).await, own[..3]);
    assert_eq!(read(Some(&own[2]), 4).await, own[3..7]);
    assert_eq!(read(Some(&own[MAX_RECENT_ROWS - 1]), MAX_RECENT_ROWS).await, own[MAX_RECENT_ROWS..]);
    assert_eq!(read(own.last(), 10).await, []);
}

/// The sealer reads rows in the order of their keys, from any key on, up to a number of rows and of bytes.
pub async fn waiting_rows_are_read_in_the_order_of_their_keys(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (one, other) = (fixture.new_id(), fixture.new_id());
    let rows = [
        waiting(OrganizationId::INSTALLATION, 30, 1),
        waiting(one, 10, 2),
        waiting(one, 11, -3),
        WaitingRow { body: Vec::new(), ..waiting(one, 12, 0) },
        waiting(other, 5, 4),
    ];
    let mut shuffled = rows.to_vec();
    shuffled.swap(0, 3);
    shuffled.swap(1, 4);
    log.seal(SealingRound { waiting: shuffled, ..log.round() }).await;
    let read = async |after, limit, bytes| log.tables.waiting(after, limit, bytes).await.unwrap();
    assert_eq!(read(None, 10, usize::MAX).await, rows);
    assert_eq!(read(None, 2, usize::MAX).await, rows[..2]);
    assert_eq!(read(Some(rows[1].key), 2, usize::MAX).await, rows[2..4]);
    let between = WaitingKey { organization: one, id: Ulid::from_parts(11, 6) };
    assert_eq!(read(Some(between), 10, usize::MAX).await, rows[3..]);
    assert_eq!(read(Some(rows[4].key), 10, usize::MAX).await, []);
    let length = rows[0].body.len();
    for (bytes, count) in [(0, 1), (1, 1), (length, 1), (length + 1, 2), (2 * length, 2), (2 * length + 1, 3)] {
        assert_eq!(read(None, 10, bytes).await, rows[..count], "{bytes} bytes");
    }
}

/// Waiting entries are counted, those of repeated rows as well, with the time of the oldest row that has any.
pub async fn waiting_entries_are_counted(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let (one, other) = (fixture.new_id(), fixture.new_id());
    let stats = async |organization| log.tables.waiting_stats(organization).await.unwrap();
    assert_eq!(stats(None).await, WaitingStats::default());
    assert_eq!(stats(Some(one)).await, WaitingStats::default());
    let rows = vec![waiting(one, 20, 3), waiting(one, 30, -4), waiting(one, 1, 0), waiting(other, 10, 5)];
    log.seal(SealingRound { waiting: rows, ..log.round() }).await;
    let counted = |entries, millis| WaitingStats { entries, oldest: Some(Timestamp::from_millis(millis)) };
    assert_eq!(stats(None).await, counted(12, 10));
    assert_eq!(stats(Some(one)).await, counted(7, 20));
    let shared = waiting(OrganizationId::INSTALLATION, 15, 100);
    log.seal(SealingRound { waiting: vec![shared], ..log.round() }).await;
    assert_eq!(stats(Some(one)).await, counted(107, 15));
    assert_eq!(stats(Some(OrganizationId::INSTALLATION)).await, counted(100, 15));
}

/// Every organization of which anything was sealed is listed in order, also if its head is gone.
pub async fn organizations_with_a_log_are_listed(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let [with_run, with_segment, with_head, with_checkpoint, waiting_only] = [(); 5].map(|()| fixture.new_id());
    log.seal(SealingRound {
        heads: vec![
            HeadChange { runs: Vec::new(), ..progress(with_head, 0, 1) },
            HeadChange {
                checkpoint: Some(checkpoint(with_checkpoint, 1)),
                runs: Vec::new(),
                ..progress(OrganizationId::INSTALLATION, 0, 1)
            },
            HeadChange { runs: vec![run(1, 2), run(3, 4)], ..progress(with_run, 0, 4) },
        ],
        waiting: vec![waiting(waiting_only, 1, 1)],
        ..log.round()
    })
    .await;
    store_segments(&log, with_segment, &[1, 11]).await;
    let listed = log.tables.organizations().await.unwrap();
    assert!(listed.is_sorted());
    for organization in [OrganizationId::INSTALLATION, with_run, with_segment, with_head, with_checkpoint] {
        assert_eq!(listed.iter().filter(|listed| **listed == organization).count(), 1, "{organization}");
    }
    assert!(!listed.contains(&waiting_only));
}

/// Segments are listed in both directions, from the end, a sequence or an identifier on.
pub async fn segments_are_listed_from_any_start(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    store_segments(&log, organization, &[21, 1, 31, 11]).await;
    store_segments(&log, fixture.new_id(), &[1, 11]).await;
    let key = run_key(RunTable::Segments, &segment(11, 20).run);
    let list = async |start, downwards, limit| {
        let query = SegmentQuery { start, downwards, limit };
        let listed = log.tables.segments(organization, &query).await.unwrap();
        assert!(listed.iter().all(|run| run.first_sequence != 11 || *run == key));
        listed.iter().map(|run| run.first_sequence).collect::<Vec<_>>()
    };
    let sequence = SegmentStart::Sequence;
    assert_eq!(list(SegmentStart::End, false, 3).await, [1, 11, 21]);
    assert_eq!(list(SegmentStart::End, true, 3).await, [31, 21, 11]);
    for (start, expected) in [(0, vec![1, 11]), (10, vec![1, 11]), (11, vec![11, 21]), (40, vec![31]), (41, vec![])] {
        assert_eq!(list(sequence(start), false, 2).await, expected, "from {start} upwards");
    }
    for (start, expected) in [(0, vec![]), (1, vec![1]), (20, vec![11, 1]), (21, vec![21, 11]), (99, vec![31, 21])] {
        assert_eq!(list(sequence(start), true, 2).await, expected, "from {start} downwards");
    }
    for (start, expected) in [(5, vec![1, 11]), (10, vec![1, 11]), (11, vec![11, 21]), (40, vec![31]), (41, vec![])] {
        assert_eq!(list(SegmentStart::HighId(id(start)), false, 2).await, expected, "from the identifier {start}");
    }
}

/// The greatest identifiers of segments are compared as such, wherever they lie.
pub async fn segments_are_found_by_their_greatest_identifiers(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    for (first, high_id) in [(1, Ulid(1)), (11, Ulid(1 << 79)), (21, Ulid(u128::MAX))] {
        let mut segment = segment(first, first + 9);
        segment.run = NewRun { high_id, ..segment.run };
        let compaction = Compaction {
            lease: log.lease.clone(),
            organization,
            replaced_runs: Vec::new(),
            segment,
            terms: terms(-1, first),
            tiles: Vec::new(),
        };
        assert!(log.tables.compact(&compaction).await.unwrap());
    }
    for (from, expected) in [(0, Some(1)), (1, Some(1)), (2, Some(11)), (1 << 100, Some(21)), (u128::MAX, Some(21))] {
        let query = SegmentQuery { start: SegmentStart::HighId(Ulid(from)), downwards: false, limit: 1 };
        let found = log.tables.segments(organization, &query).await.unwrap();
        assert_eq!(found.first().map(|run| run.first_sequence), expected, "{from}");
    }
}

/// The digests of segments are listed upwards from a sequence.
pub async fn digests_of_segments_are_listed(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    store_segments(&log, organization, &[21, 1, 11]).await;
    store_segments(&log, fixture.new_id(), &[1]).await;
    let list = async |from, limit| log.tables.digests(organization, from, limit).await.unwrap();
    let expected = [1, 11, 21].map(|first| (first, segment(first, first + 9).digest));
    assert_eq!(list(0, 9).await, expected);
    assert_eq!(list(1, 2).await, expected[..2]);
    assert_eq!(list(2, 9).await, expected[1..]);
    assert_eq!(list(22, 9).await, []);
}

/// Ranges of bodies are returned in the order asked for; a run that is gone has none.
pub async fn ranges_of_bodies_are_returned_in_order(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let large = NewRun { body: bytes.clone(), ..run(1, 3) };
    log.seal_head(HeadChange { runs: vec![large, run(4, 5)], ..progress(organization, 0, 5) }).await;
    store_segments(&log, organization, &[1]).await;
    let part = |first_sequence, offset, length| BodyRange { offset, length, ..whole(RunTable::Runs, first_sequence) };
    let ranges = [
        part(4, 0, 3),
        whole(RunTable::Segments, 1),
        part(1, 65_000, 1_000),
        whole(RunTable::Segments, 4),
        part(1, 69_990, 100),
        part(4, 4, 1),
        part(1, 70_000, 5),
        part(1, 80_000, usize::MAX),
        part(9, 0, 1),
        whole(RunTable::Runs, 1),
        part(4, 0, 3),
    ];
    let expected = [
        Some(b"run".to_vec()),
        Some(segment(1, 10).run.body),
        Some(bytes[65_000..66_000].to_vec()),
        None,
        Some(bytes[69_990..].to_vec()),
        Some(b"4".to_vec()),
        Some(Vec::new()),
        Some(Vec::new()),
        None,
        Some(bytes.clone()),
        Some(b"run".to_vec()),
    ];
    assert_eq!(log.tables.bodies(organization, &ranges).await.unwrap(), expected);
    assert_eq!(log.tables.bodies(organization, &[]).await.unwrap(), []);
    assert_eq!(log.tables.bodies(fixture.new_id(), &ranges[..1]).await.unwrap(), [None]);
}

/// Rows of one bucket are listed in both directions within a range of sequences.
pub async fn rows_of_the_index_are_listed_within_a_range(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let rows: Vec<_> = [1, 11, 21, 31].iter().flat_map(|first| [terms(7, *first), terms(8, *first)]).collect();
    let merge = TermMerge { lease: log.lease.clone(), organization, replaced: Vec::new(), rows };
    assert!(log.tables.merge_terms(&merge).await.unwrap());
    let list = async |bucket, from, before, downwards, limit| {
        let query = TermQuery { bucket, from, before, downwards, limit };
        let rows = log.tables.terms(organization, &query).await.unwrap();
        assert!(rows.iter().all(|row| *row == terms(bucket, row.first_sequence)));
        rows.iter().map(|row| row.first_sequence).collect::<Vec<_>>()
    };
    assert_eq!(list(7, i64::MIN, i64::MAX, false, 3).await, [1, 11, 21]);
    assert_eq!(list(7, i64::MIN, i64::MAX, true, 3).await, [31, 21, 11]);
    assert_eq!(list(8, 11, 31, false, 9).await, [11, 21]);
    assert_eq!(list(8, 12, 32, true, 9).await, [31, 21]);
    assert!(list(7, 12, 21, false, 9).await.is_empty() && list(7, 21, 12, false, 9).await.is_empty());
    assert!(list(-1, 0, 99, false, 9).await.is_empty() && list(9, 0, 99, true, 9).await.is_empty());
}

/// Tiles are found by level and number; checkpoints are listed in the order of the chain up to a limit.
pub async fn tiles_and_checkpoints_are_found(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let tiles = [tile(1, 0, &[hash(1), hash(2)]), tile(1, 1, &[hash(3)]), tile(2, 0, &[hash(4)])];
    let compaction = Compaction {
        lease: log.lease.clone(),
        organization,
        replaced_runs: Vec::new(),
        segment: segment(1, 10),
        terms: terms(-1, 1),
        tiles: tiles.to_vec(),
    };
    assert!(log.tables.compact(&compaction).await.unwrap());
    let mut found = log.tables.tiles(organization, &[(2, 0), (1, 0), (1, 2), (3, 0)]).await.unwrap();
    found.sort_by_key(|row| row.level);
    assert_eq!(found, [tiles[0].clone(), tiles[2].clone()]);
    assert_eq!(log.tables.tiles(organization, &[]).await.unwrap(), []);
    assert_eq!(log.tables.tiles(fixture.new_id(), &[(1, 0)]).await.unwrap(), []);

    let mut sequence = 0;
    for last in [2, 5, 9] {
        let kept = Some(checkpoint(organization, last));
        log.seal_head(HeadChange { checkpoint: kept, ..progress(organization, sequence, last) }).await;
        sequence = last;
    }
    let list = async |after, limit| log.tables.checkpoints(organization, after, limit).await.unwrap();
    let kept = [2, 5, 9].map(|sequence| checkpoint(organization, sequence));
    assert_eq!(list(i64::MIN, 10).await, kept);
    assert_eq!(list(1, 2).await, kept[..2]);
    assert_eq!(list(2, 10).await, kept[1..]);
    assert_eq!(list(i64::MAX, 10).await, []);
    assert_eq!(log.tables.checkpoints(fixture.new_id(), 0, 10).await.unwrap(), []);
}

/// A log has one cosigned note for each witness, the last one that was stored, and other logs and names have their own.
pub async fn the_last_note_that_each_witness_has_cosigned_is_found(fixture: Fixture) {
    let table = fixture.store.cosignatures();
    let organizations = [fixture.new_id(), fixture.new_id()];
    let row = |of: usize, origin: &str, witness: &str, note: u8| CosignedRow {
        organization: organizations[of],
        origin: origin.to_owned(),
        witness: witness.to_owned(),
        note: vec![note, 0, 255],
    };
    let witnesses = ["a+1", "b+1", "c+1"].map(str::to_owned);
    assert_eq!(table.cosigned(organizations[0], "log", &witnesses).await.unwrap(), []);
    let rows = [row(0, "log", "a+1", 1), row(0, "log", "b+1", 2), row(0, "log/2", "a+1", 3), row(1, "log", "a+1", 4)];
    table.store_cosigned(&rows).await.unwrap();
    table.store_cosigned(&[row(0, "log", "b+1", 5), row(0, "log", "d+1", 6)]).await.unwrap();
    table.store_cosigned(&[row(0, "log", "a+1", 7)]).await.unwrap();
    table.store_cosigned(&[]).await.unwrap();
    let mut found = table.cosigned(organizations[0], "log", &witnesses).await.unwrap();
    found.sort_by(|one, other| one.witness.cmp(&other.witness));
    assert_eq!(found, [row(0, "log", "a+1", 7), row(0, "log", "b+1", 5)]);
    let of = async |of: usize, origin, witnesses: &[String]| {
        table.cosigned(organizations[of], origin, witnesses).await.unwrap()
    };
    assert_eq!(of(0, "log/2", &witnesses).await, [row(0, "log/2", "a+1", 3)]);
    assert_eq!(of(1, "log", &witnesses[..1]).await, [row(1, "log", "a+1", 4)]);
    assert_eq!(of(0, "log", &[]).await, []);
}
