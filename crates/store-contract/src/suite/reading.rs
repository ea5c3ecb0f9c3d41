//! Reads of single records and of records by key.

use std::ops::Range;

use findings::{EventKind, Finding, FindingEvent};
use kernel::{Id, MAX_RECORDS_IN_KEY_RANGES, Order, Organization, PageRequest, Reader, Resource};
use registers::Control;
use store::DynStore;
use webhooks::SubscriptionStatus;

use crate::{Fixture, samples};

/// A record reads back as it was written, with every optional field set and with none set.
pub async fn a_record_reads_back_as_it_was_stored(fixture: Fixture) {
    let at = fixture.clock.tick();
    let plain = assert_reads_back(&fixture, samples::finding("plain")).await;
    assert_reads_back(&fixture, samples::full_finding("full", plain, at)).await;
    assert_reads_back(&fixture, samples::control("plain")).await;
    assert_reads_back(&fixture, samples::full_control("full")).await;
    assert_reads_back(&fixture, samples::account("plain")).await;
    assert_reads_back(&fixture, samples::full_account("full", at)).await;
    assert_reads_back(&fixture, samples::finding_event(plain, at)).await;
    let event = FindingEvent {
        kind: EventKind::VerifiedAsDuplicate,
        note: Some(samples::description("seen: “before”")),
        external_reference: Some(samples::reference("INC 42")),
        duplicate_of: Some(plain),
        ..samples::finding_event(plain, at)
    };
    assert_reads_back(&fixture, event).await;
    let account = fixture.create(fixture.home, samples::account("subscriber")).await.meta.id;
    let subscription = assert_reads_back(&fixture, samples::subscription(account, 0)).await;
    assert_reads_back(&fixture, samples::full_subscription(account, 49, at)).await;
    let removed = samples::with_status(&samples::subscription(account, 0), SubscriptionStatus::Removed, None);
    assert_reads_back(&fixture, removed).await;
    assert_reads_back(&fixture, samples::delivery(subscription, fixture.new_id(), at)).await;
    assert_reads_back(&fixture, samples::full_delivery(subscription, fixture.new_id(), at)).await;
    let home = fixture.get(fixture.home, fixture.home).await.unwrap();
    assert_eq!(home.record, samples::organization("home"));
    assert_eq!(home.meta.organization, fixture.home);
}

async fn assert_reads_back<R: Resource>(fixture: &Fixture, record: R) -> kernel::Id<R>
where
    DynStore: Reader<R>,
{
    let stored = fixture.create(fixture.home, record.clone()).await;
    assert_eq!(fixture.get(fixture.home, stored.meta.id).await.as_ref(), Some(&stored));
    fixture.clock.tick();
    let changed = fixture.update(&stored, record).await;
    assert!(changed.meta.updated_at > changed.meta.created_at);
    assert_eq!(fixture.get(fixture.home, stored.meta.id).await, Some(changed));
    stored.meta.id
}

/// Every way of reading treats a record of another organization like one that does not exist.
pub async fn a_record_of_another_organization_is_not_found(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let farther = fixture.create_organization("farther").await;
    let mut findings = Vec::new();
    let mut controls = Vec::new();
    for (organization, key) in [(fixture.home, "h"), (away, "a"), (farther, "f")] {
        findings.push(fixture.create(organization, samples::finding(key)).await);
        controls.push(fixture.create(organization, samples::control(key)).await);
    }
    for (index, organization) in [fixture.home, away, farther].into_iter().enumerate() {
        for (other, (finding, control)) in findings.iter().zip(&controls).enumerate() {
            let own = (index == other).then_some((finding, control));
            assert_eq!(fixture.get(organization, finding.meta.id).await.as_ref(), own.map(|(finding, _)| finding));
            assert_eq!(fixture.get(organization, control.meta.id).await.as_ref(), own.map(|(_, control)| control));
        }
        for order in [Order::Newest, Order::Changed] {
            let page = PageRequest { order, ..PageRequest::default() };
            let listed = fixture.list_all::<Finding>(organization, &Default::default(), page).await;
            assert_eq!(listed, findings[index..=index]);
            let listed = fixture.list_all::<Control>(organization, &Default::default(), page).await;
            assert_eq!(listed, controls[index..=index]);
        }
        let found = Reader::<Finding>::get_by_keys(&*fixture.store, organization, &["h", "a", "f"]).await.unwrap();
        assert_eq!(found, findings[index..=index]);
    }
    assert_eq!(fixture.get(away, fixture.home).await, None);
    assert!(Reader::<Organization>::get_by_keys(&*fixture.store, away, &["home"]).await.unwrap().is_empty());
    assert_eq!(fixture.list_all::<Organization>(away, &Default::default(), PageRequest::default()).await.len(), 1);
    assert_eq!(fixture.get::<Finding>(fixture.home, fixture.new_id()).await, None);
}

/// The records of ranges of keys are returned in the order of the bytes of their keys, up to a limit, after which another
/// call continues; other kinds and organizations have no part in it.
pub async fn records_are_found_by_ranges_of_their_keys(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    fixture.create(fixture.home, samples::control("a")).await;
    for key in ["b", "a;", "a:20", "a", "a:100", "A", "a:2:3", "a0", "~"] {
        fixture.create(fixture.home, samples::finding(key)).await;
        fixture.create(away, samples::finding(key)).await;
    }
    let keys = async |ranges: &[Range<&str>]| -> Vec<String> {
        let found = Reader::<Finding>::get_by_key_ranges(&*fixture.store, fixture.home, ranges).await.unwrap();
        assert!(found.iter().all(|stored| stored.meta.organization == fixture.home));
        found.iter().map(|stored| stored.record.key.to_string()).collect()
    };
    assert_eq!(keys(&["a".."a;"]).await, ["a", "a0", "a:100", "a:20", "a:2:3"]);
    assert_eq!(keys(&["b".."c", "A".."B", "x".."x", "a:2:".."a:20"]).await, ["A", "b"]);
    assert_eq!(keys(&["a:2".."a:20", "a:20".."a:3", "~".."~~"]).await, ["a:20", "a:2:3", "~"]);
    assert_eq!(keys(&["a".."b", "a".."a:"]).await, ["a", "a", "a0", "a0", "a:100", "a:20", "a:2:3", "a;"]);
    assert!(keys(&[]).await.is_empty());
    let none = Reader::<FindingEvent>::get_by_key_ranges(&*fixture.store, fixture.home, &["a".."b"]).await.unwrap();
    assert!(none.is_empty());
    let numbered: Vec<String> = (0..MAX_RECORDS_IN_KEY_RANGES + 2).map(|number| format!("n:{number:04}")).collect();
    for key in &numbered {
        fixture.create(fixture.home, samples::finding(key)).await;
    }
    let first = keys(&["n".."o", "z".."{"]).await;
    assert_eq!(first, numbered[..MAX_RECORDS_IN_KEY_RANGES]);
    let last = &first[MAX_RECORDS_IN_KEY_RANGES - 1];
    assert_eq!(keys(&[last.as_str().."o", "z".."{"]).await, numbered[MAX_RECORDS_IN_KEY_RANGES - 1..]);
}

/// Only records of the organization and kind are found by their identifiers, each once; unknown ones are ignored.
pub async fn records_are_found_by_their_identifiers(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut expected = Vec::new();
    for key in ["a", "b", "c"] {
        expected.push(fixture.create(fixture.home, samples::finding(key)).await);
    }
    let foreign = fixture.create(away, samples::finding("a")).await.meta.id;
    let control = fixture.create(fixture.home, samples::control("a")).await.meta.id;
    fixture.create(fixture.home, samples::finding("not-requested")).await;
    let mut ids: Vec<Id<Finding>> = (0..493).map(|_| fixture.new_id()).collect();
    ids.extend([foreign, Id::new(control.ulid()), expected[0].meta.id]);
    ids.extend(expected.iter().rev().map(|stored| stored.meta.id));
    let mut found = Reader::<Finding>::get_many(&*fixture.store, fixture.home, &ids).await.unwrap();
    found.sort_by_key(|stored| stored.meta.id);
    assert_eq!(found, expected);
    let one = Reader::<Control>::get_many(&*fixture.store, fixture.home, &[control]).await.unwrap();
    assert_eq!(one.len(), 1);
    assert!(Reader::<Finding>::get_many(&*fixture.store, fixture.home, &[]).await.unwrap().is_empty());
}

/// Only records of the organization and kind are found by their keys; unknown keys are ignored.
pub async fn records_are_found_by_their_keys(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut expected = Vec::new();
    for key in ["a", "B", "c%", "d'\"\\"] {
        expected.push(fixture.create(fixture.home, samples::finding(key)).await);
        fixture.create(away, samples::finding(key)).await;
    }
    fixture.create(fixture.home, samples::finding("not-requested")).await;
    fixture.create(fixture.home, samples::control("a-control")).await;
    let mut keys: Vec<_> = (0..494).map(|count| format!("unknown-{count}")).collect();
    keys.extend(["a", "B", "c%", "d'\"\\", "b", "a-control"].map(str::to_owned));
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let mut found = Reader::<Finding>::get_by_keys(&*fixture.store, fixture.home, &keys).await.unwrap();
    found.sort_by_key(|stored| stored.meta.id);
    assert_eq!(found, expected);
    assert!(Reader::<Finding>::get_by_keys(&*fixture.store, fixture.home, &[]).await.unwrap().is_empty());
    assert!(Reader::<FindingEvent>::get_by_keys(&*fixture.store, fixture.home, &["a"]).await.unwrap().is_empty());
}
