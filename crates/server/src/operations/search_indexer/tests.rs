//! Tests of the indexer over the memory store.

use kernel::{Kind, Record as _};
use registers::Risk;
use store::SearchTerms;
use store_contract::{Fixture, OpenedStore, samples};
use store_memory::MemoryStore;

use super::*;

async fn fixture() -> Fixture {
    Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await
}

fn indexer(fixture: &Fixture, owner: &str) -> SearchIndexer {
    SearchIndexer::over(Arc::clone(&fixture.store), fixture.clock.clone(), owner.to_owned())
}

fn risk(key: &str, title: &str) -> Risk {
    Risk { key: samples::key(key), title: samples::title(title), ..Risk::example() }
}

async fn found(fixture: &Fixture, organization: OrganizationId, typed: &str) -> usize {
    let found = fixture.store.search(organization, &[Kind::Risk], &SearchTerms::parse(typed).unwrap()).await.unwrap();
    found.iter().map(|candidates| candidates.ids.len()).sum()
}

fn wait(fixture: &Fixture, seconds: u64) {
    fixture.clock.set(fixture.now() + Duration::from_secs(seconds));
}

#[tokio::test]
async fn changed_records_are_indexed_with_the_age_of_the_first_change_as_the_lag() {
    let fixture = fixture().await;
    let other = fixture.create_organization("other").await;
    let indexer = indexer(&fixture, "one");
    assert_eq!(indexer.run_once().await.unwrap(), IndexingRound::default(), "nothing is there");
    let stored = fixture.create(fixture.home, risk("R-1", "Ransomware")).await;
    wait(&fixture, 3);
    fixture.create(other, risk("R-2", "Fire")).await;
    wait(&fixture, 4);
    let round = indexer.run_once().await.unwrap();
    assert_eq!((round.pages, round.has_more, round.lag.as_secs()), (2, false, 7));
    assert_eq!((found(&fixture, fixture.home, "ransom").await, found(&fixture, other, "ransom").await), (1, 0));
    assert_eq!(indexer.run_once().await.unwrap(), IndexingRound::default(), "nothing has changed");
    fixture.update(&stored, risk("R-1", "Flood")).await;
    wait(&fixture, 1);
    assert_eq!(indexer.run_once().await.unwrap().pages, 1);
    assert_eq!((found(&fixture, fixture.home, "ransom").await, found(&fixture, fixture.home, "flood").await), (0, 1));
}

#[tokio::test]
async fn very_many_changes_are_indexed_in_turns_that_continue_where_the_last_one_ended() {
    let fixture = fixture().await;
    let records = (PAGES_PER_TURN + 2) * 200;
    for part in 0..records / 200 {
        wait(&fixture, 1);
        let mut changeset = fixture.changeset(fixture.home);
        for number in 0..200 {
            let stored = fixture.new_record(&changeset, risk(&format!("R-{part}-{number}"), "Fire"));
            changeset.create(&stored);
        }
        fixture.store.commit(changeset).await.unwrap();
    }
    wait(&fixture, 1);
    let indexer = indexer(&fixture, "one");
    let first = indexer.run_once().await.unwrap();
    assert_eq!((first.pages, first.has_more), (PAGES_PER_TURN, true));
    let last = format!("r-{}-199", records / 200 - 1);
    assert_eq!(found(&fixture, fixture.home, &last).await, 0);
    let second = indexer.run_once().await.unwrap();
    assert!(!second.has_more && second.pages <= 4, "{second:?}");
    assert_eq!(found(&fixture, fixture.home, &last).await, 1);
}

#[tokio::test]
async fn only_the_server_with_the_lease_indexes() {
    let fixture = fixture().await;
    fixture.create(fixture.home, risk("R-1", "Ransomware")).await;
    wait(&fixture, 5);
    let (one, two) = (indexer(&fixture, "one"), indexer(&fixture, "two"));
    let acquired = fixture.store.acquire_lease(Lease::Search, "three", fixture.now(), LEASE_DURATION).await.unwrap();
    assert!(acquired);
    let round = one.run_once().await.unwrap();
    assert_eq!((round.pages, round.lag.as_secs()), (0, 5), "the lag is seen all the same");
    assert_eq!(found(&fixture, fixture.home, "ransom").await, 0);
    fixture.store.release_lease(Lease::Search, "three").await.unwrap();
    assert_eq!(two.run_once().await.unwrap().pages, 1);
    assert_eq!(one.run_once().await.unwrap().pages, 0, "the other server has indexed everything");
}

#[tokio::test]
async fn a_rebuild_mends_an_index_that_was_altered() {
    let fixture = fixture().await;
    let stored = fixture.create(fixture.home, risk("R-1", "Ransomware")).await;
    wait(&fixture, 1);
    let indexer = indexer(&fixture, "one");
    indexer.run_once().await.unwrap();
    let wrong = store::IndexedRecord { id: stored.meta.ulid(), words: store::RecordWords::new(Some("Wrong"), None) };
    fixture.store.index_words(fixture.home, Kind::Risk, &[wrong], fixture.now()).await.unwrap();
    wait(&fixture, 1);
    assert_eq!(indexer.run_once().await.unwrap().pages, 0, "nothing has changed");
    assert_eq!(found(&fixture, fixture.home, "ransom").await, 0);
    assert_eq!(indexer.rebuild().await.unwrap(), 1);
    assert_eq!((found(&fixture, fixture.home, "ransom").await, found(&fixture, fixture.home, "wrong").await), (1, 0));
}
