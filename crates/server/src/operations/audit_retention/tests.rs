//! Tests of the retention of audit logs.

use audit::{CheckpointVerifier, Signature, verify_stored};
use store_contract::{Fixture, OpenedStore, samples};
use store_memory::MemoryStore;

use super::*;

/// Accepts every signature: these tests are about the chain.
struct AnySignature;

impl CheckpointVerifier for AnySignature {
    fn verify(&self, _: &[u8], _: &Signature) -> bool {
        true
    }
}

async fn fixture() -> Fixture {
    Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await
}

fn retention(fixture: &Fixture, entries: u64, age: Duration) -> AuditRetention {
    AuditRetention {
        store: Arc::clone(&fixture.store),
        clock: fixture.clock.clone(),
        entropy: fixture.entropy.clone(),
        installation: InstallationLogLimits { entries, age },
        periods: AuditRetentionPeriods::default(),
        next_checks: BTreeMap::new(),
    }
}

/// Does a step of the installation's log.
async fn step(retention: &AuditRetention) -> RetentionOutcome {
    let bounds = LogBounds::of_installation(retention.installation);
    retention.step(INSTALLATION, &bounds).await.unwrap()
}

async fn append(fixture: &Fixture, log: OrganizationId, count: usize) {
    for _ in 0..count {
        let at = fixture.clock.tick();
        fixture.append(samples::entry(&*fixture.entropy, log, at)).await.unwrap();
    }
}

/// Verifies the chain, and returns the number of its entries and the sequence through which entries were removed.
async fn verified(fixture: &Fixture, log: OrganizationId) -> (u64, i64) {
    let chain = verify_stored(&*fixture.store, log, &AnySignature, &[]).await.unwrap();
    (chain.entries, chain.removed_through)
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[tokio::test]
async fn the_installations_log_is_bounded_in_number_and_records_what_is_removed() {
    let fixture = fixture().await;
    let retention = retention(&fixture, 1000, FOREVER);
    append(&fixture, INSTALLATION, 1000).await;
    fixture.seal_all().await;
    assert_eq!(step(&retention).await, RetentionOutcome::Nothing);
    append(&fixture, INSTALLATION, 300).await;
    fixture.seal_all().await;
    assert_eq!(step(&retention).await, RetentionOutcome::Recorded);
    assert_eq!(step(&retention).await, RetentionOutcome::Waiting, "nothing is removed before the seal");
    let (entries, removed) = verified(&fixture, INSTALLATION).await;
    assert_eq!(removed, 0);
    fixture.seal_all().await;
    assert_eq!(step(&retention).await, RetentionOutcome::Removed(256));
    let (left, removed) = verified(&fixture, INSTALLATION).await;
    assert_eq!((left, removed), (entries + 1 - 256, 256));
    assert_eq!(step(&retention).await, RetentionOutcome::Nothing, "a record does not cause the next one");
    for _ in 0..5 {
        append(&fixture, INSTALLATION, 256).await;
        fixture.seal_all().await;
        for outcome in [RetentionOutcome::Recorded, RetentionOutcome::Removed(256), RetentionOutcome::Nothing] {
            assert_eq!(step(&retention).await, outcome);
            fixture.seal_all().await;
            verified(&fixture, INSTALLATION).await;
        }
        let (left, _) = verified(&fixture, INSTALLATION).await;
        assert!((900..=1256).contains(&left), "{left} entries are left");
    }
}

#[tokio::test]
async fn old_entries_of_the_installations_log_are_removed_and_others_are_kept() {
    let fixture = fixture().await;
    let retention = retention(&fixture, 1_000_000, DAY);
    append(&fixture, INSTALLATION, 600).await;
    fixture.clock.advance(DAY / 2);
    append(&fixture, INSTALLATION, 10).await;
    fixture.seal_all().await;
    assert_eq!(step(&retention).await, RetentionOutcome::Nothing);
    fixture.clock.advance(DAY);
    assert_eq!(step(&retention).await, RetentionOutcome::Nothing, "the entries of a day have one record");
    fixture.clock.advance(DAY / 2 + Duration::from_secs(1));
    append(&fixture, INSTALLATION, 10).await;
    fixture.seal_all().await;
    assert_eq!(step(&retention).await, RetentionOutcome::Recorded);
    fixture.seal_all().await;
    assert_eq!(step(&retention).await, RetentionOutcome::Removed(512));
    assert_eq!(step(&retention).await, RetentionOutcome::Nothing);
    assert_eq!(verified(&fixture, INSTALLATION).await.1, 512);
}

#[tokio::test]
async fn a_server_that_is_killed_after_the_record_leaves_the_removal_to_the_next_one() {
    let fixture = fixture().await;
    append(&fixture, INSTALLATION, 1300).await;
    fixture.seal_all().await;
    assert_eq!(step(&retention(&fixture, 1000, FOREVER)).await, RetentionOutcome::Recorded);
    fixture.seal_all().await;
    let next = retention(&fixture, 10_000, FOREVER);
    assert_eq!(step(&next).await, RetentionOutcome::Removed(256), "a recorded removal happens");
    assert_eq!(verified(&fixture, INSTALLATION).await.1, 256);
}

#[tokio::test]
async fn the_log_of_a_workspace_is_kept_for_ever_or_as_long_as_its_period_says() {
    let fixture = fixture().await;
    let short = fixture.create_organization("short").await;
    let long = fixture.create_organization("long").await;
    for log in [short, long] {
        append(&fixture, log, 600).await;
    }
    fixture.seal_all().await;
    fixture.clock.advance(3 * DAY);
    let mut retention = retention(&fixture, 1_000_000, FOREVER);
    let run = async |retention: &mut AuditRetention| {
        for _ in 0..3 {
            retention.run_once().await.unwrap();
            fixture.seal_all().await;
        }
    };
    run(&mut retention).await;
    assert_eq!((verified(&fixture, short).await.1, verified(&fixture, long).await.1), (0, 0));
    retention.periods = AuditRetentionPeriods::new(DAY, [("long".to_owned(), Some(30 * DAY))]);
    run(&mut retention).await;
    assert_eq!((verified(&fixture, short).await.1, verified(&fixture, long).await.1), (512, 0));
    fixture.clock.advance(30 * DAY);
    run(&mut retention).await;
    assert_eq!((verified(&fixture, short).await.1, verified(&fixture, long).await.1), (512, 512));
}
