//! Tests of the page as a pure function.

use std::time::Duration;

use auth::{AccountLimits, AccountStatus, Role, ServiceAccount};
use findings::{Finding, Severity, Status};
use kernel::{Id, OrganizationId, Record as _, Stored, Timestamp, Title, Ulid};
use registers::{EvidenceClaim, SubmissionPackage};
use scopes::ScopeSet;
use store::{CallTotals, Day, DeliveryCounts, EvidenceCounts, FindingCounts, OpenFindings, SubmissionCounts};

use super::{
    numbers::{AccountHealth, DuePackage, Integrations, OverviewData},
    overview, period,
};
use crate::{
    pages::owners::Owners,
    viewer::{Theme, Viewer},
    zone::Zone,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NOW: Timestamp = Timestamp::from_millis(1_795_535_000_000);

fn viewer() -> Viewer {
    Viewer {
        workspace: "Brackwater <Regional>".to_owned(),
        workspace_slug: "brackwater".to_owned(),
        name: "M. Halloran".to_owned(),
        role: Role::Admin,
        zone: Zone::named("UTC"),
        theme: Theme::Device,
        has_compact_rows: false,
        form_token: "token".to_owned(),
    }
}

fn stored<R>(record: R, age_days: u32, number: u128) -> Stored<R>
where
    R: kernel::Resource,
{
    let at = NOW - DAY * age_days;
    Stored::new(OrganizationId::new(Ulid(1)), Id::new(Ulid(number)), at, record)
}

fn empty() -> OverviewData {
    OverviewData {
        now: NOW,
        weeks: 26,
        findings: None,
        evidence: None,
        submissions: None,
        as_of: None,
        days: Vec::new(),
        overdue: Vec::new(),
        owners: Owners::default(),
        packages: Vec::new(),
        integrations: None,
    }
}

fn data() -> OverviewData {
    let mut findings = FindingCounts::new(NOW);
    let mut overdue = Vec::new();
    for number in 0..30_u32 {
        let title = Title::parse(&format!("Finding <{number}>")).unwrap();
        let severity = if number < 3 { Severity::Critical } else { Severity::Low };
        let due_at = (number < 11).then(|| NOW - DAY * (number + 1));
        let finding = Finding { title, severity, due_at, status: Status::Open, ..Finding::example() };
        let finding = stored(finding, number * 8, number.into());
        findings.add(&finding);
        if number < 5 {
            overdue.push(finding);
        }
    }
    let mut evidence = EvidenceCounts::new(NOW);
    evidence.add(&stored(EvidenceClaim { valid_until: Some(NOW + DAY), ..EvidenceClaim::example() }, 4, 1));
    let mut submissions = SubmissionCounts::new(NOW);
    let package = SubmissionPackage {
        due_at: Some(NOW - DAY),
        status: submissions::SubmissionPackageStatus::Rejected,
        ..SubmissionPackage::example()
    };
    let package = stored(package, 9, 7);
    submissions.add(&package);
    let today = Day::of(NOW);
    let days = (-400..=0).map(|offset| OpenFindings { day: today.plus(offset), counts: [1, 40, 3, 2, 5] }).collect();
    OverviewData {
        findings: Some(findings),
        evidence: Some(evidence),
        submissions: Some(submissions),
        as_of: Some(NOW),
        days,
        overdue,
        packages: vec![DuePackage { package, due_at: NOW - DAY, recipient: Some("NCUA & co".to_owned()) }],
        ..empty()
    }
}

fn account(name: &str, expires_at: Option<Timestamp>) -> auth::Account {
    let account = ServiceAccount {
        name: Title::parse(name).unwrap(),
        contact: None,
        scopes: ScopeSet::all(),
        status: AccountStatus::Active,
        expires_at,
        secrets: Vec::new(),
        limits: AccountLimits::default(),
    };
    stored(account, 1, name.len() as u128)
}

fn integrations() -> Integrations {
    let mut deliveries = DeliveryCounts::new(NOW);
    let receiver = account("receiver", None);
    deliveries.add_endpoint(Id::new(Ulid(5)), receiver.meta.id, Some(NOW - Duration::from_secs(3600)));
    for _ in 0..13 {
        deliveries.add_waiting(receiver.meta.id);
    }
    let calls = |limited| vec![CallTotals { answered: 100, refused: 1, limited, failed: 0 }; 24];
    let health = |account, limited| AccountHealth { account, calls: calls(limited), last_used: Some(NOW) };
    Integrations {
        deliveries: Some(deliveries),
        failing: Some(("receiver".to_owned(), NOW - Duration::from_secs(3600))),
        accounts: vec![
            health(receiver, 0),
            health(account("limited", None), 3),
            health(account("ending", Some(NOW + DAY * 6)), 0),
            AccountHealth { account: account("new", None), calls: vec![CallTotals::default(); 24], last_used: None },
        ],
        has_more: false,
    }
}

#[test]
fn each_number_is_a_link_to_the_records_behind_it() {
    let html = overview(&viewer(), &data()).into_string();
    for part in [
        "href=\"/app/findings?status=open,triaged,remediation_planned,remediating\"><span class=\"k\">Open findings</span><span class=\"v\">30</span><span class=\"d\"><span class=\"good\">21 fewer</span> than 4 weeks ago",
        "severity=critical,high\"><span class=\"k\">Critical and high</span><span class=\"v\">3</span><span class=\"d\">3 critical, 0 high",
        "order=due&amp;status=open,triaged,remediation_planned,remediating\"><span class=\"k\">Overdue</span><span class=\"v bad\">11</span><span class=\"d\">oldest by 11 days",
        "<span class=\"k\">Evidence to review</span>",
        "<span class=\"k\">Submissions in 30 days</span><span class=\"v\">1</span>",
        "All 11 overdue",
        "Brackwater &lt;Regional&gt;, as of <time",
        "NCUA &amp; co",
        "Finding &lt;0&gt;",
    ] {
        assert!(html.contains(part), "{part} is missing in\n{html}");
    }
}

#[test]
fn every_plot_has_its_numbers_as_a_table_and_says_what_it_shows() {
    let html = overview(&viewer(), &data()).into_string();
    assert_eq!(html.matches("<details class=\"numbers\">").count(), 3);
    assert_eq!(html.matches("<title>").count() - 1, 26 + 12, "a title for each bar, and that of the page");
    assert!(html.contains("Days without a count are reconstructed"), "{html}");
    assert!(html.contains("Stacked bars, one for each of 26 weeks. There were 51 open findings on"), "{html}");
    assert!(!html.contains("style="), "no inline style");
}

#[test]
fn a_failing_endpoint_is_the_only_alert_although_a_package_is_overdue() {
    let overdue = overview(&viewer(), &data()).into_string();
    assert!(overdue.contains("It was rejected, and has not been submitted again."), "{overdue}");
    let html = overview(&viewer(), &OverviewData { integrations: Some(integrations()), ..data() }).into_string();
    assert_eq!(html.matches("class=\"note bad\"").count(), 1);
    assert!(html.contains("Deliveries to receiver have failed since"), "{html}");
    assert!(html.contains("13 deliveries wait."), "{html}");
    for state in ["Deliveries failing", "Rate limited", "Expires in 6 days", "Not used yet", "1 of 1 endpoints failing"]
    {
        assert!(html.contains(state), "{state} is missing in\n{html}");
    }
}

#[test]
fn integrations_are_shown_only_to_those_who_may_see_them() {
    let html = overview(&viewer(), &data()).into_string();
    assert!(!html.contains("Integrations") && !html.contains("Deliveries waiting"), "{html}");
    assert!(html.contains("Evidence expiring"), "{html}");
}

#[test]
fn a_workspace_that_was_not_counted_yet_says_so() {
    let html = overview(&viewer(), &empty()).into_string();
    assert!(html.contains("The records are being counted."), "{html}");
    assert!(html.contains("<span class=\"v\">–</span>"), "{html}");
    assert!(!html.contains("as of"), "{html}");
}

#[test]
fn the_period_is_one_of_three() {
    for (query, weeks) in [("", 26), ("weeks=13", 13), ("weeks=52", 52), ("weeks=1000000", 26), ("weeks=-1", 26)] {
        assert_eq!(period(query), weeks, "{query}");
    }
    let html = overview(&viewer(), &OverviewData { weeks: 52, ..data() }).into_string();
    assert!(html.contains("<a href=\"/app?weeks=52\" aria-current=\"true\">52 weeks</a>"), "{html}");
}
