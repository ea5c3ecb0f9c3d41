//! The six numbers at the top of the overview.

use findings::{Severity, Status};
use kernel::Timestamp;
use maud::{Markup, html};
use store::{Day, DueBucket, EvidenceState};

use super::{numbers::OverviewData, submissions::ALL_AWAITING};
use crate::{
    components::{NONE, Stat},
    viewer::Viewer,
    words::{counted, grouped},
};

/// The text in place of a number that was not counted yet.
const UNKNOWN: &str = "–";

/// Returns the numbers.
pub(super) fn stats(viewer: &Viewer, data: &OverviewData) -> Vec<Stat<'static>> {
    let findings = data.findings.as_ref();
    let evidence = data.evidence.as_ref();
    let submissions = data.submissions.as_ref();
    let critical = findings.map(|counts| counts.with_severity(&[Severity::Critical]));
    let high = findings.map(|counts| counts.with_severity(&[Severity::High]));
    let overdue = findings.map(store::FindingCounts::overdue);
    let pending = evidence.map(|counts| counts.with_state(EvidenceState::Pending));
    let soon = submissions.map(|counts| counts.due(&[DueBucket::Overdue, DueBucket::Week, DueBucket::Month]));
    let open = format!("/app/findings?status={}", open_statuses());
    vec![
        Stat {
            title: "Open findings",
            value: number(findings.map(store::FindingCounts::total)),
            is_bad: false,
            detail: trend(data),
            href: open.clone(),
        },
        Stat {
            title: "Critical and high",
            value: number(critical.zip(high).map(|(critical, high)| critical + high)),
            is_bad: false,
            detail: html! { @if let (Some(critical), Some(high)) = (critical, high) {
                (grouped(critical)) " critical, " (grouped(high)) " high"
            } },
            href: format!("{open}&severity=critical,high"),
        },
        Stat {
            title: "Overdue",
            value: number(overdue),
            is_bad: overdue.is_some_and(|overdue| overdue > 0),
            detail: html! { @if let Some(oldest) = findings.and_then(|counts| counts.oldest_due) {
                "oldest by " (days(viewer, oldest, data.now))
            } @else { "none" } },
            href: overdue_href(data.now),
        },
        Stat {
            title: "Evidence to review",
            value: number(pending),
            is_bad: false,
            detail: html! { @if let Some(oldest) = evidence.and_then(|counts| counts.oldest_pending) {
                @if viewer.zone.days_between(oldest, data.now) < 1 { "all of today" }
                @else { "oldest waits " (days(viewer, oldest, data.now)) }
            } @else { "nothing waits" } },
            href: "/app/evidence-claims?status=pending".to_owned(),
        },
        Stat {
            title: "Submissions in 30 days",
            value: number(soon),
            is_bad: false,
            detail: html! { @if let Some(next) = data.packages.first() {
                @let is_near = viewer.zone.days_between(data.now, next.due_at) <= 1;
                @let overdue = submissions.map_or(0, |counts| counts.due(&[DueBucket::Overdue]));
                @if next.due_at <= data.now { (grouped(overdue.max(1))) " overdue, since " } @else { "next " }
                b.bad[is_near] { (viewer.zone.near(next.due_at, data.now)) }
            } @else { "none is due" } },
            href: ALL_AWAITING.to_owned(),
        },
        last(data),
    ]
}

/// The deliveries that wait, or for those who may not see integrations, the evidence that expires.
fn last(data: &OverviewData) -> Stat<'static> {
    if let Some(integrations) = &data.integrations {
        let deliveries = integrations.deliveries.as_ref();
        let failing = deliveries.map_or(0, |counts| counts.failing().count());
        let is_partial = deliveries.is_some_and(|counts| counts.is_partial);
        let value = number(deliveries.map(store::DeliveryCounts::waiting));
        return Stat {
            title: "Deliveries waiting",
            value: if is_partial { format!("{value}+") } else { value },
            is_bad: failing > 0,
            detail: html! { @if let Some(counts) = deliveries {
                @if counts.endpoints == 0 { "no endpoints" }
                @else if failing > 0 { (failing) " of " (grouped(counts.endpoints)) " endpoints failing" }
                @else { "no endpoint is failing" }
            } },
            href: "/app/developers/webhooks".to_owned(),
        };
    }
    let evidence = data.evidence.as_ref();
    Stat {
        title: "Evidence expiring",
        value: number(evidence.map(|counts| counts.with_state(EvidenceState::Expiring))),
        is_bad: false,
        detail: html! { "within 30 days" },
        href: "/app/evidence-claims?status=approved".to_owned(),
    }
}

/// The difference of the open findings from those of four weeks ago.
fn trend(data: &OverviewData) -> Markup {
    let before = data.open_on(Day::of(data.now).plus(-28)).map(store::OpenFindings::total);
    match data.findings.as_ref().map(store::FindingCounts::total).zip(before) {
        None => NONE,
        Some((now, before)) if now == before => html! { "as many as 4 weeks ago" },
        Some((now, before)) if now < before => {
            html! { span.good { (grouped(before - now)) " fewer" } " than 4 weeks ago" }
        }
        Some((now, before)) => html! { (grouped(now - before)) " more than 4 weeks ago" },
    }
}

/// The number of days between two times: "12 days".
pub(super) fn days(viewer: &Viewer, from: Timestamp, to: Timestamp) -> String {
    match viewer.zone.days_between(from, to) {
        days if days < 1 => "less than a day".to_owned(),
        days => counted(usize::try_from(days).unwrap_or_default(), "day", "days"),
    }
}

/// The address of the open findings that are overdue.
pub(super) fn overdue_href(now: Timestamp) -> String {
    format!("/app/findings?dueBefore={now}&order=due&status={}", open_statuses())
}

fn open_statuses() -> String {
    Status::AWAITING_REMEDIATION.map(Status::name).join(",")
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(|| UNKNOWN.to_owned(), grouped)
}
