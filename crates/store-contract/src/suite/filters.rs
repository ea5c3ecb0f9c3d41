//! Filters of lists.

use std::collections::BTreeSet;

use findings::{
    EventKind, Finding, FindingEvent, FindingEventFilter, FindingFilter, FindingSource, Severity, SourceKind, Status,
};
use kernel::{Criteria as _, Filter, Order, PageLimit, PageRequest, Reader, Reference, Resource, Stored};
use registers::{Control, DefinitionStatus};
use store::DynStore;
use webhooks::{
    DeliveryFilter, DeliveryState, DisabledReason, EventType, SubscriptionFilter, SubscriptionStatus, WebhookDelivery,
};

use crate::{Fixture, samples};

/// The indexes of the records that match the filter, oldest first. The result must be the same in both orders, in
/// small pages and as a stream.
async fn matching<R: Resource>(fixture: &Fixture, all: &[Stored<R>], filter: &R::Filter) -> Vec<usize>
where
    DynStore: Reader<R>,
{
    let page = PageRequest { limit: PageLimit::clamped(2), ..PageRequest::default() };
    let mut newest = fixture.list_all::<R>(fixture.home, filter, page).await;
    assert_eq!(
        fixture.stream::<R>(fixture.home, filter, page).await,
        newest,
        "the stream differs from the pages for {filter:?}"
    );
    newest.reverse();
    let page = PageRequest { order: Order::Changed, ..page };
    assert_eq!(fixture.list_all::<R>(fixture.home, filter, page).await, newest, "the two orders differ for {filter:?}");
    assert_eq!(
        fixture.stream::<R>(fixture.home, filter, page).await,
        newest,
        "the stream differs from the pages for {filter:?}"
    );
    newest.iter().map(|stored| all.iter().position(|record| record == stored).unwrap()).collect()
}

fn set<T: Ord>(members: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    members.into_iter().collect()
}

async fn create_all<R: Resource>(fixture: &Fixture, records: impl IntoIterator<Item = R>) -> Vec<Stored<R>> {
    let mut all = Vec::new();
    for record in records {
        fixture.clock.tick();
        all.push(fixture.create(fixture.home, record).await);
    }
    all
}

/// Every enum value filters its findings, alone and together with other values and filters.
pub async fn findings_are_filtered_by_status_severity_and_source(fixture: Fixture) {
    let (statuses, severities, kinds) = (Status::ALL, Severity::ALL, SourceKind::ALL);
    let records = (0..8).map(|number| Finding {
        status: statuses[number],
        severity: severities[number % 5],
        source: FindingSource { kind: kinds[(number + 3) % 8], ..samples::finding("x").source },
        ..samples::finding(&format!("f-{number}"))
    });
    let all = create_all(&fixture, records).await;
    let any = FindingFilter::default();
    assert_eq!(matching(&fixture, &all, &any).await, [0, 1, 2, 3, 4, 5, 6, 7]);
    for number in 0..8 {
        let one = any.clone().with("status", [statuses[number]]);
        assert_eq!(matching(&fixture, &all, &one).await, [number], "{one:?}");
        let one = any.clone().with("source_kind", [kinds[(number + 3) % 8]]);
        assert_eq!(matching(&fixture, &all, &one).await, [number], "{one:?}");
    }
    for (number, severity) in severities.iter().enumerate() {
        let one = any.clone().with("severity", [*severity]);
        let expected: Vec<_> = (number..8).step_by(5).collect();
        assert_eq!(matching(&fixture, &all, &one).await, expected, "{one:?}");
    }
    let several = any.clone().with("status", [statuses[0], statuses[2], statuses[5]]);
    assert_eq!(matching(&fixture, &all, &several).await, [0, 2, 5]);
    let both = several.with("severity", [severities[0], severities[1]]);
    assert_eq!(matching(&fixture, &all, &both).await, [0, 5]);
    let none = both.with("source_kind", [kinds[4]]);
    assert_eq!(matching(&fixture, &all, &none).await, [0usize; 0]);
    let every = any
        .with("status", set(statuses.iter().copied()))
        .with("severity", set(severities.iter().copied()))
        .with("source_kind", set(kinds.iter().copied()));
    assert_eq!(matching(&fixture, &all, &every).await, [0, 1, 2, 3, 4, 5, 6, 7]);
}

/// Texts match exactly: letter case, wildcards, blanks and Unicode normalization are significant.
pub async fn findings_are_filtered_by_exact_key_and_subject(fixture: Fixture) {
    let texts = ["a", "A", "%", "_", "a%", "é", "e\u{301}", "a b", "a  b", "'", "🔓"];
    let mut records: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| Finding {
            subject: Some(samples::subject(text)),
            ..samples::finding(&format!("Key-{number}"))
        })
        .collect();
    records.push(samples::finding("no-subject"));
    let all = create_all(&fixture, records).await;
    let any = FindingFilter::default();
    for (number, text) in texts.iter().enumerate() {
        let one = any.clone().with("subject_resource_id", [samples::reference(text)]);
        assert_eq!(matching(&fixture, &all, &one).await, [number], "{text:?}");
    }
    let several = any.clone().with("subject_resource_id", set(["a", "🔓", "unknown"].map(samples::reference)));
    assert_eq!(matching(&fixture, &all, &several).await, [0, 10]);
    let many: BTreeSet<Reference> = (0..50).map(|number| samples::reference(&format!("unknown {number}"))).collect();
    let unknown = any.clone().with("subject_resource_id", many);
    assert_eq!(matching(&fixture, &all, &unknown).await, [0usize; 0]);
    let keys = |keys: &[&str]| any.clone().with("finding_key", keys.iter().map(|key| samples::key(key)));
    assert_eq!(matching(&fixture, &all, &keys(&["Key-1"])).await, [1]);
    assert_eq!(matching(&fixture, &all, &keys(&["key-1", "Key-", "Key-_"])).await, [0usize; 0]);
    assert_eq!(matching(&fixture, &all, &keys(&["Key-3", "no-subject", "Key-10"])).await, [3, 10, 11]);
    let both = keys(&["Key-0", "Key-1"]).with("subject_resource_id", [samples::reference("a")]);
    assert_eq!(matching(&fixture, &all, &both).await, [0]);
}

/// Both kinds of owners select their findings, alone, together, and with other filters.
pub async fn findings_are_filtered_by_owner(fixture: Fixture) {
    let owned = |number: usize, member: Option<&str>, responsibility: Option<&str>| Finding {
        owner_member_user_id: member.map(samples::reference),
        owner_responsibility_id: responsibility.map(samples::reference),
        status: if number == 1 || number == 3 { Status::Triaged } else { Status::Open },
        subject: (number > 2).then(|| samples::subject("a, b")),
        ..samples::finding(&format!("f-{number}"))
    };
    let records = [
        owned(0, Some("ann"), None),
        owned(1, Some("ann"), Some("team, one")),
        owned(2, Some("Ann"), Some("team")),
        owned(3, None, Some("team, one")),
        owned(4, Some("ann"), Some("team, one")),
        owned(5, None, None),
    ];
    let all = create_all(&fixture, records).await;
    let member = |names: &[&str]| {
        FindingFilter::default().with("owner_member_user_id", names.iter().map(|name| samples::reference(name)))
    };
    let team = |filter: FindingFilter, names: &[&str]| {
        filter.with("owner_responsibility_id", names.iter().map(|name| samples::reference(name)))
    };
    let any = FindingFilter::default();
    for (filter, expected) in [
        (member(&["ann"]), vec![0, 1, 4]),
        (member(&["ann", "Ann", "an"]), vec![0, 1, 2, 4]),
        (member(&["nobody", "an", "ann\u{e9}"]), vec![]),
        (team(any.clone(), &["team, one"]), vec![1, 3, 4]),
        (team(any.clone(), &["team", "one"]), vec![2]),
        (team(member(&["ann"]), &["team, one", "team"]), vec![1, 4]),
        (team(member(&["ann", "Ann"]), &["team"]), vec![2]),
        (member(&["ann"]).with("status", [Status::Open]), vec![0, 4]),
        (team(member(&["ann"]), &["team, one"]).with("status", [Status::Triaged, Status::Closed]), vec![1]),
        (team(any.clone(), &["team, one"]).with("subject_resource_id", [samples::reference("a, b")]), vec![3, 4]),
        (member(&["ann"]).with("finding_key", ["f-0", "f-3", "f-4"].map(samples::key)), vec![0, 4]),
    ] {
        assert_eq!(matching(&fixture, &all, &filter).await, expected, "{filter:?}");
    }
}

/// A finding matches if it has any of the values, however many there are.
pub async fn findings_are_filtered_by_any_number_of_values(fixture: Fixture) {
    let name = |number: usize| format!("r-{number:03}");
    let mut changeset = fixture.changeset(fixture.home);
    let mut all = Vec::new();
    for number in 0..70 {
        let finding =
            Finding { subject: Some(samples::subject(&name(number / 2 + 18))), ..samples::finding(&name(number)) };
        all.push(fixture.new_record(&changeset, finding));
        changeset.create(&all[number]);
    }
    fixture.commit(changeset).await.unwrap();
    all.sort_by_key(|stored| stored.meta.id);
    // Some of many values match no record.
    for count in [1, 2, 8, 9, 16, 17, 50, 64, 65] {
        let names = || (0..count).map(|number| name(number + 35 - count / 2));
        let by_key = FindingFilter::default().with("finding_key", names().map(|key| samples::key(&key)));
        let by_subject =
            FindingFilter::default().with("subject_resource_id", names().map(|id| samples::reference(&id)));
        for filter in [by_key, by_subject] {
            let expected: Vec<_> = (0..70).filter(|index| filter.matches(&all[*index])).collect();
            assert!(!expected.is_empty());
            assert_eq!(matching(&fixture, &all, &filter).await, expected, "{count} values: {filter:?}");
        }
    }
}

/// All matches are found in order, and the list ends, however far apart the matches are.
pub async fn rare_matches_among_many_records_are_all_found(fixture: Fixture) {
    let mut few = Vec::new();
    for part in 0..12 {
        fixture.clock.tick();
        let mut changeset = fixture.changeset(fixture.home);
        for number in 0..500 {
            let severity = if part % 5 == 1 && number == 400 { Severity::Critical } else { Severity::Low };
            let finding = Finding { severity, ..samples::finding(&format!("f-{part}-{number}")) };
            let stored = fixture.new_record(&changeset, finding);
            changeset.create(&stored);
            if severity == Severity::Critical {
                few.push(stored);
            }
        }
        fixture.commit(changeset).await.unwrap();
    }
    assert_eq!(few.len(), 3);
    for statuses in [set([Status::Open]), set([Status::Open, Status::Closed])] {
        let severities = set([Severity::Critical, Severity::High]);
        let filter = FindingFilter::default().with("status", statuses).with("severity", severities);
        assert_eq!(matching(&fixture, &few, &filter).await, [0, 1, 2]);
        let closed = filter.with("status", [Status::Closed]);
        assert_eq!(matching(&fixture, &few, &closed).await, [0usize; 0]);
    }
}

/// A filter applies to the current version of a record.
pub async fn a_changed_record_leaves_one_filter_and_enters_another(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::finding("f-1")).await;
    fixture.create(fixture.home, samples::finding("f-2")).await;
    let closed = Finding { status: Status::Closed, subject: Some(samples::subject("a")), ..samples::finding("f-3") };
    let first = fixture.update(&first, closed).await;
    let filter = FindingFilter::default()
        .with("status", [Status::Closed])
        .with("subject_resource_id", [samples::reference("a")])
        .with("finding_key", [samples::key("f-3")]);
    let page = PageRequest::default();
    assert_eq!(fixture.list_all::<Finding>(fixture.home, &filter, page).await, [first]);
    let open = FindingFilter::default().with("status", [Status::Open]);
    assert_eq!(fixture.list_all::<Finding>(fixture.home, &open, page).await.len(), 1);
}

/// Each status, and two together, select their controls.
pub async fn controls_are_filtered_by_status(fixture: Fixture) {
    let statuses = DefinitionStatus::ALL.iter().chain(DefinitionStatus::ALL);
    let records = statuses
        .enumerate()
        .map(|(number, status)| Control { status: *status, ..samples::control(&format!("c-{number}")) });
    let all = create_all(&fixture, records).await;
    for (number, status) in DefinitionStatus::ALL.iter().enumerate() {
        let one = Filter::<Control>::default().with("status", [*status]);
        assert_eq!(matching(&fixture, &all, &one).await, [number, number + 3]);
    }
    let two = Filter::<Control>::default().with("status", [DefinitionStatus::Draft, DefinitionStatus::Retired]);
    assert_eq!(matching(&fixture, &all, &two).await, [0, 2, 3, 5]);
}

/// Only the events of the finding are listed.
pub async fn finding_events_are_filtered_by_finding(fixture: Fixture) {
    let findings = create_all(&fixture, ["f-0", "f-1", "f-2"].map(samples::finding)).await;
    let at = fixture.now();
    let records = [0, 1, 0, 1, 0]
        .into_iter()
        .zip(EventKind::ALL)
        .map(|(about, kind)| FindingEvent { kind: *kind, ..samples::finding_event(findings[about].meta.id, at) });
    let all = create_all(&fixture, records).await;
    for (about, expected) in [vec![0, 2, 4], vec![1, 3], vec![]].into_iter().enumerate() {
        let filter = FindingEventFilter::default().with("finding_id", Some(findings[about].meta.id));
        assert_eq!(matching(&fixture, &all, &filter).await, expected);
    }
    assert_eq!(matching(&fixture, &all, &FindingEventFilter::default()).await, [0, 1, 2, 3, 4]);
}

/// Filters by account, by status and by both.
pub async fn subscriptions_are_filtered_by_account_and_status(fixture: Fixture) {
    let accounts = create_all(&fixture, ["one", "two"].map(samples::account)).await;
    let (active, disabled) = (SubscriptionStatus::Active, SubscriptionStatus::Disabled);
    let records =
        [(0, active), (1, active), (0, disabled), (0, SubscriptionStatus::Removed), (1, disabled), (0, active)];
    let records = records.into_iter().zip(0..).map(|((account, status), slot)| {
        let usual = samples::subscription(accounts[account].meta.id, slot);
        samples::with_status(&usual, status, (status == disabled).then_some(DisabledReason::Gone))
    });
    let all = create_all(&fixture, records.collect::<Vec<_>>()).await;
    let by_account = |account: usize, statuses: &[SubscriptionStatus]| SubscriptionFilter {
        account: Some(accounts[account].meta.id),
        statuses: statuses.iter().copied().collect(),
    };
    let any = SubscriptionFilter::default();
    for (filter, expected) in [
        (by_account(0, &[]), vec![0, 2, 3, 5]),
        (by_account(0, &[active]), vec![0, 5]),
        (SubscriptionFilter::for_account(accounts[0].meta.id), vec![0, 2, 5]),
        (by_account(1, &[active, disabled]), vec![1, 4]),
        (SubscriptionFilter { statuses: set([disabled]), ..any.clone() }, vec![2, 4]),
        (SubscriptionFilter { account: Some(fixture.new_id()), ..any.clone() }, vec![]),
        (any, vec![0, 1, 2, 3, 4, 5]),
    ] {
        assert_eq!(matching(&fixture, &all, &filter).await, expected, "{filter:?}");
    }
}

/// Filters by subscription, by state and by event type, alone and combined.
pub async fn deliveries_are_filtered_by_subscription_state_and_event(fixture: Fixture) {
    let subscriptions = [fixture.new_id(), fixture.new_id()];
    let (pending, exhausted) = (DeliveryState::Pending, DeliveryState::Exhausted);
    let (created, closed) = (EventType::FindingCreated.name(), EventType::FindingClosed.name());
    let records = [(0, pending, created), (0, exhausted, created), (1, exhausted, closed), (0, exhausted, closed)];
    let records = records.map(|(subscription, state, event)| WebhookDelivery {
        state,
        event_type: event.into(),
        ..samples::delivery(subscriptions[subscription], fixture.new_id(), fixture.now())
    });
    let all = create_all(&fixture, records).await;
    let any = DeliveryFilter::default();
    let first = DeliveryFilter { subscription: Some(subscriptions[0]), ..any.clone() };
    for (filter, expected) in [
        (first.clone(), vec![0, 1, 3]),
        (DeliveryFilter { states: set([exhausted]), ..first.clone() }, vec![1, 3]),
        (DeliveryFilter { event_types: set([created.to_owned()]), ..first.clone() }, vec![0, 1]),
        (DeliveryFilter { states: set([exhausted]), event_types: set([closed.to_owned()]), ..first }, vec![3]),
        (DeliveryFilter { states: set([exhausted, DeliveryState::Failed]), ..any.clone() }, vec![1, 2, 3]),
        (DeliveryFilter { event_types: set([closed.to_owned()]), ..any.clone() }, vec![2, 3]),
        (DeliveryFilter { subscription: Some(fixture.new_id()), ..any.clone() }, vec![]),
        (any, vec![0, 1, 2, 3]),
    ] {
        assert_eq!(matching(&fixture, &all, &filter).await, expected, "{filter:?}");
    }
}
