//! The index of the words of records.

use std::time::Duration;

use kernel::{Kind, OrganizationId, Record as _, Timestamp, Ulid};
use registers::Risk;
use store::{
    Backlog, Candidates, IndexedRecord, MAX_CANDIDATES, RecordWords, SearchTerms, index_titles, searched_kinds,
};

use crate::{Fixture, samples};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn record(id: u128, title: &str) -> IndexedRecord {
    IndexedRecord { id: Ulid(id), words: RecordWords::new(Some(title), Some(&format!("K-{id}"))) }
}

fn risk(key: &str, title: &str) -> Risk {
    Risk { key: samples::key(key), title: samples::title(title), ..Risk::example() }
}

async fn search(fixture: &Fixture, organization: OrganizationId, typed: &str) -> Vec<Candidates> {
    let kinds: Vec<Kind> = searched_kinds().collect();
    fixture.store.search(organization, &kinds, &SearchTerms::parse(typed).unwrap()).await.unwrap()
}

/// The records of one kind that are found.
async fn found(fixture: &Fixture, kind: Kind, typed: &str) -> Vec<u128> {
    let found = search(fixture, fixture.home, typed).await;
    found.iter().filter(|of| of.kind == kind).flat_map(|of| of.ids.iter().map(|id| id.0)).collect()
}

/// Records are found by the beginnings of all words that are typed, or of their key, by kind and newest first.
pub async fn records_are_found_by_the_beginnings_of_their_words(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let index = async |organization, kind, records: &[IndexedRecord]| {
        fixture.store.index_words(organization, kind, records, NOW).await.unwrap();
    };
    index(fixture.home, Kind::Risk, &[record(1, "Ransomware in a branch"), record(2, "Branch under water")]).await;
    index(fixture.home, Kind::Control, &[record(3, "Ransom is never paid")]).await;
    index(other, Kind::Risk, &[record(4, "Ransomware elsewhere")]).await;
    let candidates = |kind, id| Candidates { kind, ids: vec![Ulid(id)], is_complete: true };
    let both = [candidates(Kind::Control, 3), candidates(Kind::Risk, 1)];
    assert_eq!(search(&fixture, fixture.home, "RANSOM").await, both);
    assert_eq!(search(&fixture, other, "ransom").await, [candidates(Kind::Risk, 4)]);
    for (typed, expected) in [
        ("branch", vec![2, 1]),
        ("bran ransom", vec![1]),
        ("ransom branch water", vec![]),
        ("k-2", vec![2]),
        ("k", vec![2, 1]),
        ("omware", vec![]),
        ("ransomwares", vec![]),
        ("water' OR '1", vec![]),
        ("100%", vec![]),
        ("_ranch", vec![]),
    ] {
        assert_eq!(found(&fixture, Kind::Risk, typed).await, expected, "{typed}");
    }
    assert_eq!(fixture.store.search(fixture.home, &[], &SearchTerms::parse("a").unwrap()).await.unwrap(), []);
}

/// When the title of a record has changed, it is found by its new words and no longer by its old ones.
pub async fn the_words_of_a_record_are_replaced(fixture: Fixture) {
    let index = async |records: &[IndexedRecord]| {
        fixture.store.index_words(fixture.home, Kind::Risk, records, NOW).await.unwrap();
    };
    index(&[record(1, "Fire in the vault"), record(2, "Fire in a branch")]).await;
    index(&[record(1, "Flood in the vault"), record(1, "Flood in the vault")]).await;
    for (typed, expected) in [("fire", vec![2]), ("flood", vec![1]), ("vault", vec![1]), ("in", vec![2, 1])] {
        assert_eq!(found(&fixture, Kind::Risk, typed).await, expected, "{typed}");
    }
    index(&[record(2, "…")]).await;
    assert_eq!(found(&fixture, Kind::Risk, "fire").await, [0; 0]);
    assert_eq!(found(&fixture, Kind::Risk, "k-").await, [2, 1]);
}

/// A search returns a bounded number of records of each kind and says so, and finds the few that have all of several
/// words although very many have one of them.
pub async fn a_search_is_bounded(fixture: Fixture) {
    let many = u128::try_from(MAX_CANDIDATES).unwrap() + 50;
    let mut records: Vec<IndexedRecord> = (1..=many).map(|id| record(id, "A vulnerability of a server")).collect();
    records.push(record(many + 1, "A vulnerability of ransom"));
    records.push(record(many + 2, "A server of ransom"));
    fixture.store.index_words(fixture.home, Kind::Finding, &records, NOW).await.unwrap();
    let all = search(&fixture, fixture.home, "vulnerability").await;
    assert_eq!((all[0].ids.len(), all[0].is_complete), (MAX_CANDIDATES, false));
    let one = search(&fixture, fixture.home, "vulnerability ransom").await;
    assert_eq!((&*one[0].ids, one[0].is_complete), (&[Ulid(many + 1)][..], true));
    let all = search(&fixture, fixture.home, "server vuln").await;
    assert_eq!((all[0].ids.len(), all[0].is_complete), (MAX_CANDIDATES, false));
    // The last one of the records, which no scan of a single word reaches.
    fixture
        .store
        .index_words(fixture.home, Kind::Finding, &[record(9999, "Server, vulnerability")], NOW)
        .await
        .unwrap();
    fixture.store.index_words(fixture.home, Kind::Finding, &[record(9998, "Servant")], NOW).await.unwrap();
    assert_eq!(found(&fixture, Kind::Finding, "serv vulnerability a of").await.len(), MAX_CANDIDATES);
}

/// A kind has a backlog until its changes are indexed, and again after the next one; the index follows all changes.
pub async fn the_index_follows_the_changes_of_records(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    let backlog = async |organization| fixture.store.search_backlog(organization).await.unwrap();
    let stored = fixture.create(fixture.home, risk("R-1", "Fire in the vault")).await;
    fixture.create(other, risk("R-1", "Fire elsewhere")).await;
    let first = Backlog { kind: Kind::Risk, since: None, oldest: stored.meta.updated_at };
    assert_eq!(backlog(fixture.home).await, [first]);
    fixture.clock.set(fixture.now() + Duration::from_secs(1));
    assert_eq!(index_titles(&*fixture.store, fixture.home).await.unwrap(), 1);
    assert_eq!(found(&fixture, Kind::Risk, "fire").await, [stored.meta.ulid().0]);
    assert_eq!(backlog(fixture.home).await, []);
    fixture.clock.set(fixture.now() + Duration::from_secs(1));
    let changed = fixture.update(&stored, Risk { title: samples::title("Flood"), ..stored.record.clone() }).await;
    let [next] = backlog(fixture.home).await.try_into().unwrap();
    assert!(next.since.is_some_and(|since| since > stored.meta.updated_at) && next.oldest == changed.meta.updated_at);
    fixture.clock.set(fixture.now() + Duration::from_secs(1));
    index_titles(&*fixture.store, fixture.home).await.unwrap();
    assert_eq!(found(&fixture, Kind::Risk, "fire").await, [0; 0]);
    assert_eq!(found(&fixture, Kind::Risk, "flood").await, [stored.meta.ulid().0]);
    assert_eq!(search(&fixture, other, "fire").await, [], "nothing is indexed there");
}

/// Several pages of changed records are indexed, among them records that changed at the same moment.
pub async fn the_index_follows_more_changes_than_a_page_has(fixture: Fixture) {
    for part in 0..5 {
        let mut changeset = fixture.changeset(fixture.home);
        for number in 0..100 {
            let stored = fixture.new_record(&changeset, risk(&format!("R-{part}-{number}"), "Fire in the vault"));
            changeset.create(&stored);
        }
        fixture.store.commit(changeset).await.unwrap();
    }
    fixture.clock.set(fixture.now() + Duration::from_secs(1));
    index_titles(&*fixture.store, fixture.home).await.unwrap();
    assert_eq!(fixture.store.search_backlog(fixture.home).await.unwrap(), []);
    for key in ["r-0-0", "r-2-99", "r-4-99"] {
        assert_eq!(found(&fixture, Kind::Risk, key).await.len(), 1, "{key}");
    }
}

/// A cleared index is empty, and everything is indexed anew.
pub async fn a_cleared_index_is_filled_again(fixture: Fixture) {
    let other = fixture.create_organization("other").await;
    for (organization, key) in [(fixture.home, "R-1"), (fixture.home, "R-2"), (other, "R-1")] {
        fixture.create(organization, risk(key, "Fire in the vault")).await;
        fixture.clock.set(fixture.now() + Duration::from_secs(1));
        index_titles(&*fixture.store, organization).await.unwrap();
    }
    let mut rounds = 0;
    while fixture.store.clear_search_index(fixture.home, 1).await.unwrap() {
        rounds += 1;
        assert!(rounds < 100);
    }
    assert!(rounds > 0, "a call removes a bounded number of rows");
    assert_eq!(search(&fixture, fixture.home, "fire").await, []);
    assert_eq!(search(&fixture, other, "fire").await.len(), 1, "another organization keeps its index");
    index_titles(&*fixture.store, fixture.home).await.unwrap();
    assert_eq!(found(&fixture, Kind::Risk, "fire").await.len(), 2);
}

/// After the clock was set back, changes from then on are indexed although the index followed a later time.
pub async fn changes_are_indexed_after_the_clock_was_set_back(fixture: Fixture) {
    let ahead = fixture.now() + Duration::from_secs(3600);
    fixture.store.index_words(fixture.home, Kind::Risk, &[], ahead).await.unwrap();
    fixture.create(fixture.home, risk("R-1", "Fire in the vault")).await;
    assert_eq!(fixture.store.search_backlog(fixture.home).await.unwrap(), []);
    let before = fixture.now() - Duration::from_secs(1);
    fixture.store.discard_future_state(before, Duration::from_secs(60)).await.unwrap();
    let backlog = fixture.store.search_backlog(fixture.home).await.unwrap();
    assert_eq!(backlog.iter().map(|kind| kind.since).collect::<Vec<_>>(), [Some(before)]);
}
