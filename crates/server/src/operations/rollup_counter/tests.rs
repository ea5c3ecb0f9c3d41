//! Tests of the counter over the memory store.

use std::collections::BTreeMap;

use evidence::{EvidenceClaim, EvidenceClaimStatus};
use findings::{Finding, Severity, Status};
use kernel::Record as _;
use store::{AgeBucket, DueBucket, EvidenceState, MAX_DAYS, delivery_counts, evidence_counts, submission_counts};
use store_contract::{Fixture, OpenedStore, samples};
use store_memory::MemoryStore;
use submissions::{SubmissionPackage, SubmissionPackageStatus};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn fixture() -> Fixture {
    Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await
}

fn counter(fixture: &Fixture, owner: &str) -> RollupCounter {
    RollupCounter::over(Arc::clone(&fixture.store), fixture.clock.clone(), owner.to_owned())
}

fn finding(key: &str, severity: Severity, status: Status, due_at: Option<Timestamp>) -> Finding {
    let closed_at = None;
    Finding { key: samples::key(key), severity, status, due_at, closed_at, ..Finding::example() }
}

async fn counted_findings(fixture: &Fixture, organization: OrganizationId) -> store::FindingCounts {
    finding_counts(&fixture.store.rollups(organization).await.unwrap()).unwrap()
}

/// A generator of the same numbers in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

#[tokio::test]
async fn the_rollups_of_random_records_equal_a_recount_of_them() {
    let fixture = fixture().await;
    let other = fixture.create_organization("other").await;
    let counter = counter(&fixture, "one");
    let mut numbers = Numbers(7);
    let mut expected: BTreeMap<OrganizationId, Vec<Stored<Finding>>> = BTreeMap::new();
    for round in 0..12 {
        for number in 0..60 {
            let organization = numbers.one_of(&[fixture.home, fixture.home, other]);
            let due = fixture.now() + DAY * u32::try_from(numbers.below(40)).unwrap();
            let due_at = Some(due).filter(|_| numbers.below(3) > 0);
            let (severity, status) = (numbers.one_of(Severity::ALL), numbers.one_of(Status::ALL));
            let record = finding(&format!("finding-{round}-{number}"), severity, status, due_at);
            let findings = expected.entry(organization).or_default();
            findings.push(fixture.create(organization, record).await);
            if numbers.below(2) == 0 {
                let index = usize::try_from(numbers.below(findings.len() as u64)).unwrap();
                let changed = Finding { status: numbers.one_of(Status::ALL), ..findings[index].record.clone() };
                findings[index] = fixture.update(&findings[index], changed).await;
            }
        }
        fixture.clock.set(fixture.now() + DAY * u32::try_from(numbers.below(25)).unwrap() + Duration::from_secs(7));
        counter.run_once().await.unwrap();
        let now = fixture.now();
        for (organization, findings) in &expected {
            let counts = counted_findings(&fixture, *organization).await;
            let open =
                || findings.iter().filter(|finding| Status::AWAITING_REMEDIATION.contains(&finding.record.status));
            for severity in Severity::ALL {
                for status in Status::ALL {
                    for age in AgeBucket::ALL {
                        let is_counted = |finding: &&Stored<Finding>| {
                            let Finding { severity: own, status: current, .. } = finding.record;
                            (own, current) == (*severity, *status)
                                && AgeBucket::of(finding.meta.created_at, now) == *age
                        };
                        let count = counts.open(|one, two, three| (one, two, three) == (*severity, *status, *age));
                        assert_eq!(count, open().filter(is_counted).count() as u64, "{severity:?} {status:?} {age:?}");
                    }
                }
            }
            let overdue: Vec<Timestamp> =
                open().filter_map(|finding| finding.record.due_at).filter(|due| *due <= now).collect();
            assert_eq!(counts.overdue(), overdue.len() as u64);
            assert_eq!(counts.oldest_due, overdue.iter().min().copied());
            let today = fixture.store.open_findings(*organization, Day::of(now)).await.unwrap();
            assert_eq!(today, [counts.today()]);
        }
    }
}

#[tokio::test]
async fn an_organization_is_counted_again_only_when_its_records_or_the_time_have_changed_a_count() {
    let fixture = fixture().await;
    let other = fixture.create_organization("other").await;
    let counter = counter(&fixture, "one");
    let due = fixture.now() + MAX_AGE / 2;
    let stored = fixture.create(fixture.home, finding("one", Severity::High, Status::Open, Some(due))).await;
    let parts = RollupPart::ALL.len();
    assert_eq!(counter.run_once().await.unwrap(), 2 * parts, "each part of each organization");
    fixture.clock.set(fixture.now() + Duration::from_secs(10));
    assert_eq!(counter.run_once().await.unwrap(), 0, "nothing has changed");
    fixture.update(&stored, Finding { severity: Severity::Low, ..stored.record.clone() }).await;
    assert_eq!(counter.run_once().await.unwrap(), 1);
    assert_eq!(counted_findings(&fixture, fixture.home).await.with_severity(&[Severity::Low]), 1);
    assert_eq!(counted_findings(&fixture, other).await.total(), 0, "records of another organization are not counted");
    fixture.clock.set(due - Duration::from_millis(1));
    assert_eq!(counter.run_once().await.unwrap(), 0, "the finding is not due yet");
    fixture.clock.set(due);
    assert_eq!(counter.run_once().await.unwrap(), 1);
    assert_eq!(counted_findings(&fixture, fixture.home).await.overdue(), 1);
    fixture.clock.set(fixture.now() + MAX_AGE);
    assert_eq!(counter.run_once().await.unwrap(), 2 * parts, "the counts are old");
}

#[tokio::test]
async fn only_the_server_with_the_lease_counts() {
    let fixture = fixture().await;
    let (one, two) = (counter(&fixture, "one"), counter(&fixture, "two"));
    let acquired = fixture.store.acquire_lease(Lease::Rollups, "three", fixture.now(), LEASE_DURATION).await.unwrap();
    assert!(acquired);
    assert_eq!(one.run_once().await.unwrap(), 0);
    assert_eq!(fixture.store.rollups(fixture.home).await.unwrap(), []);
    fixture.store.release_lease(Lease::Rollups, "three").await.unwrap();
    assert_eq!(two.run_once().await.unwrap(), RollupPart::ALL.len());
    assert_eq!(one.run_once().await.unwrap(), 0, "the other server has counted everything");
}

#[tokio::test]
async fn past_days_are_computed_from_the_times_of_records() {
    let fixture = fixture().await;
    let first = Day::of(fixture.now());
    let counts = |findings: &OpenFindings| (findings.with(Severity::High), findings.with(Severity::Low));
    let kept = fixture.create(fixture.home, finding("kept", Severity::High, Status::Open, None)).await;
    let closed = fixture.create(fixture.home, finding("closed", Severity::Low, Status::Triaged, None)).await;
    fixture.clock.set(first.plus(10).start());
    let closed_at = Some(fixture.now());
    fixture.update(&closed, Finding { status: Status::Closed, closed_at, ..closed.record.clone() }).await;
    let archived = fixture.create(fixture.home, finding("archived", Severity::Low, Status::Accepted, None)).await;
    fixture.clock.set(first.plus(20).start());
    fixture.update(&archived, Finding { status: Status::Archived, ..archived.record.clone() }).await;
    let counter = counter(&fixture, "one");
    counter.run_once().await.unwrap();
    let days = fixture.store.open_findings(fixture.home, Day(0)).await.unwrap();
    assert_eq!(days.len(), MAX_DAYS);
    assert_eq!(days.last().unwrap().day, first.plus(20));
    let at = |days: &[OpenFindings], offset: i64| {
        counts(days.iter().find(|findings| findings.day == first.plus(offset)).unwrap())
    };
    for (offset, expected) in [(-1, (0, 0)), (0, (1, 1)), (9, (1, 1)), (10, (1, 1)), (19, (1, 1)), (20, (1, 0))] {
        assert_eq!(at(&days, offset), expected, "{offset} days later");
    }

    // No server ran for a while. The days that are missing are computed, and the earlier ones stay.
    fixture.clock.set(first.plus(25).start());
    fixture.update(&kept, Finding { severity: Severity::Low, ..kept.record.clone() }).await;
    counter.run_once().await.unwrap();
    let days = fixture.store.open_findings(fixture.home, first).await.unwrap();
    assert_eq!(days.len(), 26);
    assert_eq!((at(&days, 9), at(&days, 19), at(&days, 25)), ((1, 1), (1, 1), (0, 1)));
}

#[tokio::test]
async fn a_rebuild_mends_counts_that_were_altered() {
    let fixture = fixture().await;
    fixture.create(fixture.home, finding("one", Severity::High, Status::Open, None)).await;
    let counter = counter(&fixture, "one");
    counter.run_once().await.unwrap();
    let right = fixture.store.rollups(fixture.home).await.unwrap();
    let days = fixture.store.open_findings(fixture.home, Day(0)).await.unwrap();
    let mut wrong = right[0].clone();
    wrong.counts.put("open.critical.open.0".to_owned(), 99);
    let wrong_day = OpenFindings { counts: [9; 5], ..days[0] };
    fixture.store.replace_rollup(fixture.home, &wrong, &[wrong_day], Day(0)).await.unwrap();
    assert_eq!(counter.run_once().await.unwrap(), 0, "nothing has changed");
    assert_eq!(counter.rebuild().await.unwrap(), 1);
    let mended = fixture.store.rollups(fixture.home).await.unwrap();
    let numbers = |rollups: &[Rollup]| rollups.iter().map(|rollup| rollup.counts.clone()).collect::<Vec<_>>();
    assert_eq!(numbers(&mended), numbers(&right));
    assert_eq!(fixture.store.open_findings(fixture.home, Day(0)).await.unwrap(), days);
}

#[tokio::test]
async fn evidence_is_counted_by_its_state_and_the_week_in_which_it_expires() {
    let fixture = fixture().await;
    let now = fixture.now();
    let claims = [
        (EvidenceClaimStatus::Approved, None),
        (EvidenceClaimStatus::Approved, Some(now + DAY * 31)),
        (EvidenceClaimStatus::Approved, Some(now + DAY * 30)),
        (EvidenceClaimStatus::Approved, Some(now)),
        (EvidenceClaimStatus::Pending, Some(now + DAY)),
        (EvidenceClaimStatus::Expired, Some(now - DAY)),
        (EvidenceClaimStatus::Rejected, None),
        (EvidenceClaimStatus::Withdrawn, None),
    ];
    for (number, (status, valid_until)) in claims.into_iter().enumerate() {
        let key = samples::key(&format!("claim-{number}"));
        fixture.create(fixture.home, EvidenceClaim { key, status, valid_until, ..EvidenceClaim::example() }).await;
    }
    let counter = counter(&fixture, "one");
    let count = async || {
        counter.run_once().await.unwrap();
        let counts = evidence_counts(&fixture.store.rollups(fixture.home).await.unwrap()).unwrap();
        (EvidenceState::ALL.iter().map(|state| counts.with_state(*state)).collect::<Vec<_>>(), counts)
    };
    let (states, counts) = count().await;
    assert_eq!(states, [2, 1, 2, 1, 1]);
    assert_eq!((counts.expiring[4], counts.expiring.iter().sum::<u64>()), (2, 2));
    assert!(counts.oldest_pending.is_some_and(|oldest| oldest.distance(now) < DAY));
    fixture.clock.set(now + DAY);
    assert_eq!(count().await.0, [1, 2, 3, 0, 1], "time alone has changed the states");
}

#[tokio::test]
async fn submissions_that_are_due_are_counted_and_the_next_ones_are_listed() {
    let fixture = fixture().await;
    let now = fixture.now();
    let rejected = SubmissionPackage {
        key: samples::key("rejected"),
        status: SubmissionPackageStatus::Rejected,
        due_at: Some(now - DAY),
        ..SubmissionPackage::example()
    };
    let mut packages = vec![fixture.create(fixture.home, rejected).await];
    for (number, days) in [0, 7, 8, 30, 31, 90, 91].into_iter().enumerate() {
        let package = SubmissionPackage {
            key: samples::key(&format!("package-{number}")),
            status: SubmissionPackageStatus::Ready,
            due_at: Some(now + DAY * days),
            ..SubmissionPackage::example()
        };
        packages.push(fixture.create(fixture.home, package).await);
    }
    let submitted = SubmissionPackage {
        key: samples::key("submitted"),
        status: SubmissionPackageStatus::Submitted,
        due_at: Some(now),
        ..SubmissionPackage::example()
    };
    fixture.create(fixture.home, submitted).await;
    counter(&fixture, "one").run_once().await.unwrap();
    let counts = submission_counts(&fixture.store.rollups(fixture.home).await.unwrap()).unwrap();
    assert_eq!(DueBucket::ALL.iter().map(|bucket| counts.due(&[*bucket])).collect::<Vec<_>>(), [2, 1, 2, 2]);
    let next: Vec<_> = packages[..5].iter().map(|package| (package.record.due_at.unwrap(), package.meta.id)).collect();
    assert_eq!(counts.next().collect::<Vec<_>>(), next);
}

#[tokio::test]
async fn deliveries_that_wait_are_counted_by_account() {
    let fixture = fixture().await;
    let account = fixture.create(fixture.home, samples::account("receiver")).await;
    let subscription = fixture.create(fixture.home, samples::subscription(account.meta.id, 0)).await;
    for _ in 0..3 {
        let delivery = samples::delivery(subscription.meta.id, fixture.new_id(), fixture.now());
        fixture.create(fixture.home, delivery).await;
    }
    counter(&fixture, "one").run_once().await.unwrap();
    let counts = delivery_counts(&fixture.store.rollups(fixture.home).await.unwrap()).unwrap();
    assert_eq!((counts.endpoints, counts.waiting(), counts.waiting_for(account.meta.id)), (1, 3, 3));
    assert!(!counts.is_partial);
}
