//! Rounds of sealing in the tables of the audit log: each is stored as a whole, or refused as a whole.

use std::{sync::Arc, time::Duration};

use audit::{
    Head,
    tables::{
        HeadChange, LeaseHold, PrefixRemoval, RunTable, SealingRound, SignedHead, StoredHead, WaitingRow, WriterRow,
    },
};
use kernel::{OrganizationId, Ulid};
use store::Lease;

use crate::{
    Fixture,
    log_rows::{
        LEASE_DURATION, LogRows, OWNER, checkpoint, hash, head, progress, run, run_key, signature, stored_head, waiting,
    },
};

/// A round deletes the waiting rows that it seals, inserts runs instead of others, advances heads, keeps a checkpoint,
/// and stores what is known of writers.
pub async fn a_round_moves_waiting_entries_to_runs(fixture: Fixture) {
    let (one, other) = (fixture.new_id(), fixture.new_id());
    let log = LogRows::open(&fixture).await;
    let rows = [waiting(OrganizationId::INSTALLATION, 9, 4), waiting(one, 10, 2), waiting(other, 11, 3)];
    let writers = [1, 2].map(|writer| WriterRow { writer: Ulid(writer), state: vec![1, 2, 3] });
    log.seal(SealingRound { waiting: rows.to_vec(), writers: writers.to_vec(), ..log.round() }).await;
    assert_eq!(log.all_waiting().await, rows);
    log.seal_head(progress(one, 0, 2)).await;
    let changed = WriterRow { writer: Ulid(2), state: vec![4] };
    log.seal(SealingRound {
        heads: vec![
            HeadChange {
                replaced_runs: vec![1],
                runs: vec![run(1, 3), run(4, 5)],
                checkpoint: Some(checkpoint(one, 5)),
                ..progress(one, 2, 5)
            },
            progress(other, 0, 1),
        ],
        sealed: vec![rows[0].key, rows[1].key],
        writers: vec![changed.clone()],
        ended_writers: vec![Ulid(1), Ulid(7)],
        ..log.round()
    })
    .await;
    assert_eq!(log.all_waiting().await, rows[2..]);
    assert_eq!(log.tables.writers().await.unwrap(), [changed]);
    let first = log.log(one).await;
    assert_eq!(first.recent.runs, [run(1, 3), run(4, 5)].map(|run| run_key(RunTable::Runs, &run)));
    assert_eq!(first.bodies, [Some(run(1, 3).body), Some(run(4, 5).body)]);
    assert_eq!(first.recent.head, Some(stored_head(one, 5)));
    assert_eq!(first.checkpoints, [checkpoint(one, 5)]);
    let second = log.log(other).await;
    assert_eq!((second.recent.runs.len(), second.checkpoints.len()), (1, 0));
    assert_eq!(second.recent.head, Some(stored_head(other, 1)));
}

/// A head reads back as it was stored: without a tree and without signatures, with each of them, and with trees of any
/// size. What was removed is not changed with it.
pub async fn a_head_reads_back_as_it_was_stored(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let plain = stored_head(organization, 3);
    let signed = |note| Some(SignedHead { signed_at: fixture.now(), checkpoint: signature(9), note, tag: [4; 32] });
    let heads = [
        StoredHead { tree: None, signed: None, old_through: 3, ..plain.clone() },
        StoredHead {
            tree: None,
            signed: signed(None),
            high_id: Ulid(u128::MAX),
            late_ms: 1 << 50,
            old_through: 2,
            ..plain
        },
        StoredHead { signed: signed(Some(signature(200))), high_id: Ulid(1), ..stored_head(organization, 256) },
        stored_head(organization, 511),
    ];
    let mut before = Head::EMPTY;
    for after in heads {
        log.seal_head(HeadChange { before, after: after.clone(), runs: Vec::new(), ..progress(organization, 0, 1) })
            .await;
        assert_eq!(log.tables.recent(organization).await.unwrap().head, Some(after.clone()));
        let heads = log.tables.heads(&[fixture.new_id(), organization]).await.unwrap();
        assert_eq!(heads, std::slice::from_ref(&after));
        before = after.head;
    }
    log.seal_head(HeadChange { runs: vec![run(1, 512)], ..progress(organization, 511, 512) }).await;
    let removal = PrefixRemoval {
        organization,
        before: Head::EMPTY,
        last: head(512),
        terms_before: 1,
        merged_terms_before: 1,
        tiles: Vec::new(),
    };
    assert!(log.tables.remove_prefix(&removal).await.unwrap());
    log.seal_head(progress(organization, 512, 513)).await;
    let stored = log.tables.recent(organization).await.unwrap().head;
    assert_eq!(stored, Some(StoredHead { removed: head(512), ..stored_head(organization, 513) }));
}

/// A round of a process that does not have the lease is refused, whether another has it or nobody; one whose lease has
/// run out is not, as long as nobody has taken it. The round renews the lease.
pub async fn a_round_requires_the_lease_and_renews_it(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let round = |lease: &LeaseHold, after| SealingRound {
        lease: lease.clone(),
        heads: vec![progress(organization, after - 1, after)],
        ..log.round()
    };
    let stranger = LeaseHold { owner: "sealer-2".into(), ..log.lease.clone() };
    let before = log.content(&[organization]).await;
    assert!(!log.tables.seal(&round(&stranger, 1)).await.unwrap());
    assert_eq!(log.content(&[organization]).await, before);
    assert!(log.tables.seal(&round(&log.lease, 1)).await.unwrap());

    let later = fixture.clock.advance(2 * LEASE_DURATION);
    let renewed = LeaseHold { now: later, ..log.lease.clone() };
    assert!(log.tables.seal(&round(&renewed, 2)).await.unwrap());
    let until = later + LEASE_DURATION;
    let acquire =
        async |owner, now| fixture.store.acquire_lease(Lease::Sealer, owner, now, LEASE_DURATION).await.unwrap();
    assert!(!acquire("sealer-2", until - Duration::from_millis(1)).await);
    assert!(acquire("sealer-2", until).await);
    let before = log.content(&[organization]).await;
    assert!(!log.tables.seal(&round(&renewed, 3)).await.unwrap());
    fixture.store.release_lease(Lease::Sealer, "sealer-2").await.unwrap();
    assert!(!log.tables.seal(&round(&renewed, 3)).await.unwrap(), "a lease that nobody has was released by another");
    assert_eq!(log.content(&[organization]).await, before);
    assert!(acquire(OWNER, until).await);
    assert!(log.tables.seal(&round(&renewed, 3)).await.unwrap());
}

/// A round that expects another head than the stored one stores nothing, not even what comes before that head.
pub async fn a_round_that_expects_another_head_stores_nothing(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organizations = [fixture.new_id(), fixture.new_id(), fixture.new_id()];
    let [one, other, new] = organizations;
    let row = waiting(one, 10, 2);
    log.seal(SealingRound {
        heads: vec![progress(one, 0, 2), progress(other, 0, 5)],
        waiting: vec![row.clone()],
        ..log.round()
    })
    .await;
    let before = log.content(&organizations).await;
    for wrong in [
        progress(other, 0, 6),
        progress(other, 4, 6),
        progress(other, 6, 7),
        HeadChange { before: Head { hash: hash(4), ..head(5) }, ..progress(other, 5, 6) },
        progress(new, 1, 2),
    ] {
        let round = SealingRound {
            heads: vec![progress(one, 2, 3), wrong],
            sealed: vec![row.key],
            writers: vec![WriterRow { writer: Ulid(1), state: vec![1] }],
            ..log.round()
        };
        assert!(!log.tables.seal(&round).await.unwrap());
        assert_eq!(log.content(&organizations).await, before);
    }
}

/// A round that seals a row or replaces a run that does not exist stores nothing.
pub async fn a_round_whose_rows_are_gone_stores_nothing(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organizations = [fixture.new_id(), fixture.new_id()];
    let [one, other] = organizations;
    let row = waiting(one, 10, 2);
    log.seal(SealingRound { heads: vec![progress(other, 0, 2)], waiting: vec![row.clone()], ..log.round() }).await;
    let before = log.content(&organizations).await;
    let round = SealingRound { heads: vec![progress(one, 0, 2)], sealed: vec![row.key], ..log.round() };
    for wrong in [
        SealingRound { sealed: vec![row.key, waiting(other, 10, 2).key], ..round.clone() },
        SealingRound { sealed: vec![row.key, waiting(one, 11, 2).key], ..round.clone() },
        SealingRound { heads: vec![HeadChange { replaced_runs: vec![1], ..progress(one, 0, 2) }], ..round.clone() },
        SealingRound { old_waiting: vec![(one, row.key.id)], ..round.clone() },
    ] {
        assert!(!log.tables.seal(&wrong).await.unwrap());
        assert_eq!(log.content(&organizations).await, before);
    }
    log.seal(round).await;
}

/// A round can leave a row without entries under the key of a deleted one, and move one organization's part of a shared
/// row under that organization's own key, with the same identifier.
pub async fn a_round_can_replace_a_row_under_its_key(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let rows = [waiting(organization, 10, -2), waiting(OrganizationId::INSTALLATION, 12, 5)];
    log.seal(SealingRound { waiting: rows.to_vec(), ..log.round() }).await;
    let occupied = WaitingRow { key: rows[0].key, entries: 0, body: Vec::new() };
    let own = waiting(organization, 12, 3);
    log.seal(SealingRound {
        sealed: rows.iter().map(|row| row.key).collect(),
        waiting: vec![occupied.clone(), own.clone()],
        ..log.round()
    })
    .await;
    assert_eq!(log.all_waiting().await, [occupied, own]);
}

/// Of eight sealers with the same round, one stores it.
pub async fn one_of_eight_concurrent_rounds_is_stored(fixture: Fixture) {
    let log = LogRows::open(&fixture).await;
    let organization = fixture.new_id();
    let row = waiting(organization, 10, 2);
    log.seal(SealingRound { waiting: vec![row.clone()], ..log.round() }).await;
    let round = SealingRound { heads: vec![progress(organization, 0, 2)], sealed: vec![row.key], ..log.round() };
    let sealers: Vec<_> = (0..8)
        .map(|_| {
            let (tables, round) = (Arc::clone(&log.tables), round.clone());
            tokio::spawn(async move { tables.seal(&round).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for sealer in sealers {
        winners += usize::from(sealer.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(log.tables.recent(organization).await.unwrap().head, Some(stored_head(organization, 2)));
}
