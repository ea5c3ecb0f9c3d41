//! Appends to the audit log and lists of its entries (contract v1 § 8).

use std::collections::BTreeSet;

use audit::{AuditFilter, StoredEntry};
use kernel::{
    Action, Actor, ActorKind, Entry, Order, OrganizationId, PageLimit, PageRequest, Position, Subject, TimeRange,
};

use crate::{Fixture, samples};

async fn append(fixture: &Fixture, entry: &Entry) {
    fixture.append(entry.clone()).await.unwrap();
}

async fn read(fixture: &Fixture, entry: &Entry) -> Option<StoredEntry> {
    fixture.store.entry(entry.organization, entry.id).await.unwrap()
}

/// Appends `count` entries to a new organization; every third has the same millisecond as the one before.
async fn append_entries(
    fixture: &Fixture,
    count: usize,
    vary: impl Fn(usize, Entry) -> Entry,
) -> (OrganizationId, Vec<Entry>) {
    let organization = fixture.new_id();
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        if number % 3 != 1 {
            fixture.clock.tick();
        }
        let plain = samples::entry(&*fixture.entropy, organization, fixture.now());
        all.push(vary(number, plain));
        append(fixture, &all[number]).await;
    }
    (organization, all)
}

async fn matching(
    fixture: &Fixture,
    organization: OrganizationId,
    all: &[Entry],
    filter: &AuditFilter,
    page: PageRequest,
) -> Vec<usize> {
    let listed = fixture.list_all_entries(organization, filter, page).await;
    assert_eq!(
        fixture.stream_entries(organization, filter, page).await,
        listed,
        "the stream differs from the pages for {filter:?}"
    );
    listed.iter().map(|recorded| all.iter().position(|entry| *entry == recorded.entry).unwrap()).collect()
}

fn oldest_first(limit: u64) -> PageRequest {
    PageRequest { limit: PageLimit::clamped(limit), order: Order::Changed, ..PageRequest::default() }
}

/// An entry reads back as it was written, with every optional field set and with none set, and is unsealed at first.
pub async fn an_entry_reads_back_as_it_was_appended(fixture: Fixture) {
    let at = fixture.clock.tick();
    for organization in [fixture.home, OrganizationId::INSTALLATION, fixture.new_id()] {
        let person = Actor { kind: ActorKind::User, id: Some("usr_1".into()), name: "Ana “Ann” Ruíz".into() };
        for entry in [
            samples::entry(&*fixture.entropy, organization, at),
            samples::full_entry(&*fixture.entropy, organization, at),
            Entry { actor: person, ..samples::full_entry(&*fixture.entropy, organization, at) },
        ] {
            append(&fixture, &entry).await;
            let recorded = StoredEntry { entry: entry.clone(), seal: None };
            assert_eq!(read(&fixture, &entry).await.as_ref(), Some(&recorded));
            assert_eq!(fixture.audit_log(organization).await.last(), Some(&recorded));
        }
    }
}

/// The entries of a write are in the log once the write is stored; entries of its parts come after the entry of the
/// request.
pub async fn the_entries_of_a_write_are_stored_with_it(fixture: Fixture) {
    let before = fixture.audit_log(fixture.home).await.len();
    let (mut changeset, stored) = fixture.create_changeset(fixture.home, samples::finding("f-1"));
    let subject = Some(Subject::from_id(stored.meta.id));
    changeset.add_entry(&*fixture.entropy, Action::new("finding.created"), subject, Vec::new());
    changeset.add_entry(&*fixture.entropy, Action::new("finding.mirrored"), None, Vec::new());
    changeset.set_status(201);
    let expected: Vec<_> =
        changeset.entries().iter().map(|entry| StoredEntry { entry: entry.clone(), seal: None }).collect();
    assert_eq!(fixture.audit_log(fixture.home).await.len(), before);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.audit_log(fixture.home).await[before..], expected);
}

/// A second entry with the same identifier may be refused or ignored, but never replaces the first one.
pub async fn an_entry_is_never_overwritten(fixture: Fixture) {
    let at = fixture.clock.tick();
    let first = samples::full_entry(&*fixture.entropy, fixture.home, at);
    append(&fixture, &first).await;
    let second = Entry { reason: None, changes: Vec::new(), status: Some(500), ..first.clone() };
    let _ = fixture.append(second).await;
    assert_eq!(read(&fixture, &first).await.unwrap().entry, first);
    append(&fixture, &samples::entry(&*fixture.entropy, fixture.home, at)).await;
}

/// Every organization has a log of its own, and so has the installation.
pub async fn logs_of_organizations_are_isolated_from_each_other(fixture: Fixture) {
    let organizations = [fixture.new_id(), fixture.new_id(), OrganizationId::INSTALLATION];
    let mut entries = Vec::new();
    for organization in organizations {
        entries.push(samples::entry(&*fixture.entropy, organization, fixture.clock.tick()));
        append(&fixture, &entries[entries.len() - 1]).await;
    }
    for (index, organization) in organizations.into_iter().enumerate() {
        assert_eq!(fixture.audit_log(organization).await, [StoredEntry { entry: entries[index].clone(), seal: None }]);
        let newest_first =
            fixture.list_all_entries(organization, &AuditFilter::default(), PageRequest::default()).await;
        assert_eq!(newest_first.len(), 1);
        for (other, entry) in entries.iter().enumerate() {
            let read = fixture.store.entry(organization, entry.id).await.unwrap();
            assert_eq!(read.is_some(), index == other);
        }
    }
}

/// Entries are ordered by identifier, in both directions, and a page contains the position of the next one.
pub async fn entries_are_listed_in_either_order(fixture: Fixture) {
    let (organization, all) = append_entries(&fixture, 7, |_, entry| entry).await;
    let any = AuditFilter::default();
    for limit in [1, 2, 6, 7, 8] {
        let page = oldest_first(limit);
        assert_eq!(matching(&fixture, organization, &all, &any, page).await, [0, 1, 2, 3, 4, 5, 6]);
        let newest_first = PageRequest { order: Order::Newest, ..page };
        assert_eq!(matching(&fixture, organization, &all, &any, newest_first).await, [6, 5, 4, 3, 2, 1, 0]);
    }
    for (limit, more) in [(6, true), (7, false), (8, false)] {
        let page = fixture.store.entries(organization, &any, &oldest_first(limit)).await.unwrap();
        assert_eq!(page.next.is_some(), more, "{limit} of 7");
    }
    let page = fixture.store.entries(organization, &any, &oldest_first(3)).await.unwrap();
    assert_eq!(page.next, Some(Position::Changed(all[2].occurred_at, all[2].id.ulid())));
    let newest_first = PageRequest { order: Order::Newest, ..oldest_first(3) };
    let page = fixture.store.entries(organization, &any, &newest_first).await.unwrap();
    assert_eq!(page.next, Some(Position::Newest(all[4].id.ulid())));
}

/// Filters by action, actor and subject work alone, with several values and together. An entry without the value
/// matches none of them.
pub async fn entries_are_filtered_by_action_actor_and_subject(fixture: Fixture) {
    let (organization, all) = append_entries(&fixture, 8, |number, entry| {
        let actor = ["svc_1", "svc_2"].get(number % 3).map(|id| (*id).into());
        let subject = ["find_1", "find_2", "FIND_1"].get(number % 4).map(|id| (*id).to_owned());
        Entry {
            action: Action::new(["finding.listed", "finding.created"][number % 2]),
            actor: Actor { id: actor, ..entry.actor },
            subject: subject.map(|id| Subject { kind: "finding".into(), id }),
            ..entry
        }
    })
    .await;
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    let any = AuditFilter::default();
    for (filter, expected) in [
        (AuditFilter { actions: set(&["finding.listed"]), ..any.clone() }, vec![0, 2, 4, 6]),
        (
            AuditFilter { actions: set(&["finding.listed", "finding.created", "x"]), ..any.clone() },
            vec![0, 1, 2, 3, 4, 5, 6, 7],
        ),
        (AuditFilter { actions: set(&["finding%"]), ..any.clone() }, vec![]),
        (AuditFilter { actors: set(&["svc_1"]), ..any.clone() }, vec![0, 3, 6]),
        (AuditFilter { actors: set(&["svc_1", "svc_2"]), ..any.clone() }, vec![0, 1, 3, 4, 6, 7]),
        (AuditFilter { subjects: set(&["find_1"]), ..any.clone() }, vec![0, 4]),
        (AuditFilter { subjects: set(&["find_2", "FIND_1"]), ..any.clone() }, vec![1, 2, 5, 6]),
        (AuditFilter { actors: set(&["svc_1"]), subjects: set(&["find_1", "FIND_1"]), ..any.clone() }, vec![0, 6]),
        (
            AuditFilter { actions: set(&["finding.created"]), actors: set(&["svc_2"]), subjects: set(&["find_2"]) },
            vec![1],
        ),
    ] {
        assert_eq!(matching(&fixture, organization, &all, &filter, oldest_first(2)).await, expected, "{filter:?}");
        let newest_first = PageRequest { order: Order::Newest, ..oldest_first(3) };
        let mut reversed = matching(&fixture, organization, &all, &filter, newest_first).await;
        reversed.reverse();
        assert_eq!(reversed, expected, "{filter:?}");
    }
}

/// An entry matches if it has any of the values, however many there are.
pub async fn entries_are_filtered_by_any_number_of_values(fixture: Fixture) {
    let (organization, all) = append_entries(&fixture, 20, |number, entry| Entry {
        actor: Actor { id: Some(format!("svc_{number}").into()), ..entry.actor },
        subject: Some(Subject { kind: "finding".into(), id: format!("find_{number}") }),
        ..entry
    })
    .await;
    let ids = |prefix: &str, count: usize| (0..count).map(|number| format!("{prefix}_{}", number + 3)).collect();
    for count in [1, 8, 17, 50, 65] {
        let expected: Vec<_> = (3..20.min(3 + count)).collect();
        let actors = AuditFilter { actors: ids("svc", count), ..AuditFilter::default() };
        let subjects = AuditFilter { subjects: ids("find", count), ..AuditFilter::default() };
        let both = AuditFilter { actors: ids("svc", 65), ..subjects.clone() };
        for filter in [actors, subjects, both] {
            assert_eq!(matching(&fixture, organization, &all, &filter, oldest_first(2)).await, expected, "{filter:?}");
        }
    }
}

/// Both time ranges of a list apply to the time at which the entry's action happened.
pub async fn entries_are_filtered_by_time(fixture: Fixture) {
    let (organization, all) = append_entries(&fixture, 6, |_, entry| entry).await;
    let (from, until) = (Some(all[2].occurred_at), Some(all[5].occurred_at));
    let open = TimeRange::default();
    for (time_range, expected) in [
        (TimeRange { created_after: from, ..open }, vec![2, 3, 4, 5]),
        (TimeRange { updated_after: from, ..open }, vec![2, 3, 4, 5]),
        (TimeRange { created_before: from, ..open }, vec![0, 1]),
        (TimeRange { updated_before: from, ..open }, vec![0, 1]),
        (TimeRange { created_after: from, updated_before: until, ..open }, vec![2, 3, 4]),
        (TimeRange { created_after: until, created_before: from, ..open }, vec![]),
    ] {
        let page = PageRequest { time_range, ..oldest_first(2) };
        assert_eq!(
            matching(&fixture, organization, &all, &AuditFilter::default(), page).await,
            expected,
            "{time_range:?}"
        );
        let page = PageRequest { order: Order::Newest, ..page };
        let mut reversed = matching(&fixture, organization, &all, &AuditFilter::default(), page).await;
        reversed.reverse();
        assert_eq!(reversed, expected, "{time_range:?}");
    }
}

/// The newest changes of a subject are found among many entries that only read it, and not those of others.
pub async fn the_changes_of_a_subject_are_found_between_entries_about_reading_it(fixture: Fixture) {
    let subject = |id: &str| Some(Subject { kind: "finding".into(), id: id.into() });
    let changes = samples::full_entry(&*fixture.entropy, fixture.home, fixture.now()).changes;
    let (organization, all) = append_entries(&fixture, 60, |number, entry| match number {
        0 | 7 | 30 => Entry { subject: subject("find_1"), changes: changes.clone(), ..entry },
        1 | 8 => Entry { subject: subject("find_2"), changes: changes.clone(), ..entry },
        _ => Entry { subject: subject("find_1"), ..entry },
    })
    .await;
    for (limit, expected) in [(2, vec![30, 7]), (50, vec![30, 7, 0])] {
        let found = fixture.store.changes(organization, "find_1", limit).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|number: usize| &all[number]).collect();
        assert_eq!(found.iter().map(|stored| &stored.entry).collect::<Vec<_>>(), expected);
    }
    assert!(fixture.store.changes(fixture.home, "find_1", 50).await.unwrap().is_empty());
}

/// Of a hundred concurrent appends none is lost.
pub async fn concurrently_appended_entries_are_all_stored(fixture: Fixture) {
    let organization = fixture.new_id();
    let at = fixture.clock.tick();
    let appends: Vec<_> = (0..100)
        .map(|_| {
            let entry = samples::entry(&*fixture.entropy, organization, at);
            let store = std::sync::Arc::clone(&fixture.store);
            tokio::spawn(async move { store.append(entry, store.begin_entry()).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert_eq!(fixture.audit_log(organization).await.len(), 100);
}
