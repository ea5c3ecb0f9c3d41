//! The order of the changes of one record, whichever processes make them, even within one millisecond: the time of each
//! change, its audit entry and its events follow those of the change before.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use audit::AuditFilter;
use bytes::Bytes;
use findings::{
    EventRenderer, Finding, FindingChange, FindingPatch, NewFinding, OnConflict, Status, update, write_batch,
};
use kernel::{
    Changeset, Entropy, Order, PageRequest, Reader, Severity, Stored, TimeRange, Timestamp, Ulid, WriteContext,
    WriteTimestamp,
};
use webhooks::{DeliveryHistory, EventBodies};

use crate::{Fixture, samples};

/// The time by which other processes stamp their writes ahead of the clock while lists are requested.
const LEAD: Duration = Duration::from_millis(500);

/// The identifiers of one of several processes. Within a millisecond they ascend, but those of each later process are lower
/// than those of the ones before: in the worst case, random identifiers are.
struct ProcessEntropy {
    process: u32,
    drawn: AtomicU64,
}

impl Entropy for ProcessEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
        let random = u128::from(u32::MAX - self.process) << 32 | u128::from(drawn);
        Ulid::from_parts(at.millis().unsigned_abs(), random)
    }
}

struct RevisionRenderer;

impl EventRenderer for RevisionRenderer {
    fn render(&self, change: &FindingChange<'_>) -> Bytes {
        format!("{} r{}", change.kind.name(), change.finding.meta.revision.0).into()
    }
}

/// Commits a write of the process with this number. The timestamp of the process is `lead` ahead of the clock.
async fn write<T>(
    fixture: &Fixture,
    process: u32,
    lead: Duration,
    decide: impl FnOnce(&WriteContext<'_>, WriteTimestamp) -> (Changeset, T),
) -> T {
    let entropy = ProcessEntropy { process, drawn: AtomicU64::default() };
    let context = WriteContext {
        organization: &samples::organization_ref(fixture.home),
        attribution: &samples::attribution(&entropy, fixture.now()),
        reason: Some(&samples::reason()),
        entropy: &entropy,
    };
    let issued = fixture.store.begin_write();
    let timestamp = if lead.is_zero() { issued } else { issued.after_change(fixture.now() + lead) };
    let (changeset, output) = decide(&context, timestamp);
    fixture.commit(changeset).await.unwrap();
    output
}

fn new_finding(finding: &Finding, severity: Severity) -> NewFinding {
    NewFinding {
        key: finding.key.clone(),
        title: finding.title.clone(),
        description: None,
        severity,
        source: finding.source.clone(),
        subject: None,
        owner_responsibility_id: None,
        owner_member_user_id: None,
        due_at: None,
        status: None,
    }
}

/// Asserts that the times, the audit entries and the events of a finding are in the order of its revisions.
async fn assert_in_order(fixture: &Fixture, revisions: &[Stored<Finding>]) {
    let id = revisions[0].meta.id;
    let times: Vec<Timestamp> = revisions.iter().map(|stored| stored.meta.updated_at).collect();
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    assert_eq!(fixture.get(fixture.home, id).await.as_ref(), revisions.last());

    let filter = AuditFilter { subjects: [id.to_string()].into(), ..AuditFilter::default() };
    for order in [Order::Changed, Order::Newest] {
        let page = PageRequest { order, ..PageRequest::default() };
        let entries = fixture.list_all_entries(fixture.home, &filter, page).await;
        let mut occurred: Vec<Timestamp> = entries.iter().map(|stored| stored.entry.occurred_at).collect();
        if order == Order::Newest {
            occurred.reverse();
        }
        assert_eq!(occurred, times, "the entries, {order:?}");
    }

    let (all, bodies) = (Ulid(u128::MAX), EventBodies::Included);
    let events = DeliveryHistory::events(&*fixture.store, fixture.home, Ulid::nil(), all, 1000, bodies).await.unwrap();
    let events: Vec<_> = events.into_iter().filter(|event| event.subject == id.ulid()).collect();
    assert!(events.iter().map(|event| event.revision).is_sorted(), "{events:?}");
    for event in &events {
        let revision = usize::try_from(event.revision.0).unwrap();
        assert_eq!(event.created_at, times[revision - 1], "{event:?}");
        assert!(event.body.ends_with(format!(" r{revision}").as_bytes()), "{event:?}");
    }
    assert_eq!(events.iter().map(|event| event.revision).max(), revisions.last().map(|last| last.meta.revision));
}

/// Each change is later than the one before, although all are made at the same moment by processes of which some stamp
/// their writes ahead of the clock. No change is before a watermark that was returned, and a catch-up from it returns it.
pub async fn the_changes_of_one_moment_have_times_entries_and_events_in_the_order_of_revisions(fixture: Fixture) {
    let new = new_finding(&samples::finding("f-1"), Severity::Medium);
    let decide = |context: &WriteContext<'_>, timestamp| findings::create(context, &RevisionRenderer, timestamp, new);
    let mut revisions = vec![write(&fixture, 0, Duration::ZERO, decide).await];
    let statuses = [
        Status::Triaged,
        Status::RemediationPlanned,
        Status::Remediating,
        Status::Verified,
        Status::Closed,
        Status::Open,
    ];
    for (process, status) in (1..).zip(statuses) {
        let current = revisions.last().unwrap();
        let as_of = fixture.list::<Finding>(fixture.home, &Default::default(), &PageRequest::default()).await.as_of;
        let lead = if process % 2 == 0 { LEAD } else { Duration::ZERO };
        let patch = FindingPatch { status: Some(status), ..FindingPatch::default() };
        let after = write(&fixture, process, lead, |context, timestamp| {
            update(context, &RevisionRenderer, timestamp, current, &patch).unwrap()
        });
        let after = after.await;
        assert!(after.meta.updated_at >= as_of, "a catch-up from {as_of} would miss {after:?}");
        let time_range = TimeRange { updated_after: Some(as_of), ..TimeRange::default() };
        let page = PageRequest { time_range, order: Order::Changed, ..PageRequest::default() };
        let caught_up =
            Reader::<Finding>::list(&*fixture.store, fixture.home, &Default::default(), &page).await.unwrap();
        assert_eq!(caught_up.items, std::slice::from_ref(&after));
        revisions.push(after);
    }
    let ahead = revisions.last().unwrap().meta.updated_at.since(fixture.now());
    assert!(ahead < LEAD + Duration::from_millis(10), "the times run ahead of the clock by {ahead:?}");
    let other = fixture.create(fixture.home, samples::finding("f-2")).await;
    assert!(other.meta.updated_at < revisions[2].meta.updated_at, "the times of other records do not run ahead");
    assert_in_order(&fixture, &revisions).await;
}

/// All that one write stores has one time, which is after the last changes of all records that it changes. Otherwise the
/// entry of the call could be before an earlier change of one of them.
pub async fn a_write_of_several_records_is_after_the_last_change_of_each(fixture: Fixture) {
    let mut revisions = [Vec::new(), Vec::new()];
    for ((process, key), revisions) in [(0, "f-1"), (1, "f-2")].into_iter().zip(&mut revisions) {
        let new = new_finding(&samples::finding(key), Severity::Low);
        let decide =
            |context: &WriteContext<'_>, timestamp| findings::create(context, &RevisionRenderer, timestamp, new);
        revisions.push(write(&fixture, process, Duration::ZERO, decide).await);
    }
    let [first, second] = &mut revisions;
    let patch = FindingPatch { severity: Some(Severity::Medium), ..FindingPatch::default() };
    let change = async |current: &Stored<Finding>, process, lead| {
        write(&fixture, process, lead, |context, timestamp| {
            update(context, &RevisionRenderer, timestamp, current, &patch).unwrap()
        })
        .await
    };
    first.push(change(&first[0], 2, LEAD).await);

    let existing = vec![first[1].clone(), second[0].clone()];
    let new = existing.iter().map(|stored| new_finding(&stored.record, Severity::High)).collect();
    let times = write(&fixture, 3, Duration::ZERO, |context, timestamp| {
        let (changeset, _) = write_batch(context, &RevisionRenderer, timestamp, new, existing, OnConflict::Update);
        let times: Vec<Timestamp> = changeset.entries().iter().map(|entry| entry.occurred_at).collect();
        (changeset, times)
    })
    .await;
    for revisions in [&mut *first, &mut *second] {
        revisions.push(fixture.get(fixture.home, revisions[0].meta.id).await.unwrap());
    }
    let batch = first[2].meta.updated_at;
    assert_eq!((times, second[1].meta.updated_at), (vec![batch; 3], batch));

    second.push(change(&second[1], 4, Duration::ZERO).await);
    first.push(change(&first[2], 5, Duration::ZERO).await);
    for revisions in &revisions {
        assert_in_order(&fixture, revisions).await;
    }
}
