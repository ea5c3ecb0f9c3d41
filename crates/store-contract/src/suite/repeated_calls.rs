//! Counts of calls that repeat one with an audit entry (contract v1 § 8).

use std::{sync::Arc, time::Duration};

use kernel::{Entry, OrganizationId, RepeatedCalls, Timestamp};

use crate::{Fixture, samples};

const WINDOW: Duration = Duration::from_secs(60);

/// The count of one call that repeats a new entry.
async fn first_repetition(fixture: &Fixture, organization: OrganizationId) -> RepeatedCalls {
    let entry = entry(fixture, organization);
    fixture.append(entry.clone()).await.unwrap();
    RepeatedCalls { organization, first: entry.id, due_at: fixture.now() + WINDOW, calls: 1 }
}

fn entry(fixture: &Fixture, organization: OrganizationId) -> Entry {
    samples::entry(&*fixture.entropy, organization, fixture.now())
}

async fn due(fixture: &Fixture, now: Timestamp) -> Vec<RepeatedCalls> {
    fixture.store.repeated_calls(now, Timestamp::MAX, 100).await.unwrap()
}

async fn replace(fixture: &Fixture, counted: &RepeatedCalls) -> bool {
    let entry = entry(fixture, counted.organization);
    fixture.store.replace_repeated(counted, entry, fixture.store.begin_entry()).await.unwrap()
}

/// Calls that repeat the same one are added up, whatever organization they belong to and however they are batched.
pub async fn concurrent_counts_of_repeated_calls_are_added_up(fixture: Fixture) {
    let one = first_repetition(&fixture, fixture.home).await;
    let other = first_repetition(&fixture, OrganizationId::INSTALLATION).await;
    let counts: Vec<_> = (0..40)
        .map(|number| {
            let (store, counted) = (Arc::clone(&fixture.store), if number % 4 == 0 { other } else { one });
            tokio::spawn(async move { store.count_repeated(counted).await.unwrap() })
        })
        .collect();
    for count in counts {
        count.await.unwrap();
    }
    let mut expected = [RepeatedCalls { calls: 30, ..one }, RepeatedCalls { calls: 10, ..other }];
    expected.sort_unstable_by_key(|counted| (counted.organization, counted.first));
    assert_eq!(due(&fixture, one.due_at).await, expected);
    assert_eq!(fixture.store.repeated_calls(one.due_at, Timestamp::MAX, 1).await.unwrap(), expected[..1]);
}

/// A count is due at its time. One that is due much later was begun while the clock was ahead, and is returned too.
pub async fn a_count_of_repeated_calls_is_returned_when_it_is_due_or_due_too_late(fixture: Fixture) {
    let counted = first_repetition(&fixture, fixture.home).await;
    fixture.store.count_repeated(counted).await.unwrap();
    let just_before = counted.due_at - Duration::from_millis(1);
    assert_eq!(due(&fixture, just_before).await, []);
    assert_eq!(due(&fixture, counted.due_at).await, [counted]);
    let returned = async |now, latest| fixture.store.repeated_calls(now, latest, 100).await.unwrap();
    assert_eq!(returned(just_before, counted.due_at).await, []);
    assert_eq!(returned(just_before, just_before).await, [counted]);
}

/// The entry and the removal of the count are one change, which happens once even if several processes attempt it.
pub async fn one_of_eight_concurrent_processes_replaces_a_count_by_its_entry(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    let counted = first_repetition(&fixture, fixture.home).await;
    fixture.store.count_repeated(counted).await.unwrap();
    let before = fixture.audit_log(fixture.home).await.len();
    let replacements: Vec<_> = (0..8)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move { replace(&fixture, &counted).await })
        })
        .collect();
    let mut replaced = 0;
    for replacement in replacements {
        replaced += usize::from(replacement.await.unwrap());
    }
    assert_eq!(replaced, 1);
    assert_eq!(fixture.audit_log(fixture.home).await.len(), before + 1);
    assert_eq!(due(&fixture, counted.due_at).await, []);
}

/// A call that is counted after the count was read prevents its replacement; one that is counted after the replacement
/// begins a count anew. So no call is lost.
pub async fn no_call_is_lost_while_its_count_is_replaced(fixture: Fixture) {
    let counted = first_repetition(&fixture, fixture.home).await;
    fixture.store.count_repeated(counted).await.unwrap();
    fixture.store.count_repeated(counted).await.unwrap();
    let before = fixture.audit_log(fixture.home).await.len();
    assert!(!replace(&fixture, &counted).await);
    assert_eq!(fixture.audit_log(fixture.home).await.len(), before);
    assert!(replace(&fixture, &RepeatedCalls { calls: 2, ..counted }).await);
    fixture.store.count_repeated(counted).await.unwrap();
    assert_eq!(due(&fixture, counted.due_at).await, [counted]);
}
