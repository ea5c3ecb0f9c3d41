//! The submission packages that are due.

use kernel::Id;
use maud::{Markup, html};
use registers::SubmissionPackage;
use store::DueBucket;
use submissions::SubmissionPackageStatus;

use super::{alert_note, numbers::OverviewData};
use crate::{
    components::{TableColumn, card, status, strip, table},
    viewer::Viewer,
    words::grouped,
};

/// The days to which the remaining ones are drawn.
const DRAWN_DAYS: u64 = 90;

/// The packages that are to be submitted, for the first time or after a rejection.
pub(super) const ALL_AWAITING: &str = "/app/submission-packages?status=draft,in_review,ready,rejected";

/// The packages that are due next.
pub(super) fn due(viewer: &Viewer, data: &OverviewData) -> Markup {
    let all = html! { a href=(ALL_AWAITING) { "All that are to be submitted" } };
    if data.packages.is_empty() {
        let nothing = html! { div.body { p.muted { "Nothing is to be submitted in the next 90 days." } } };
        return card("submissions", "Submissions due", &all, &nothing);
    }
    let column = |title: &'static str, class| TableColumn { title: title.into(), class };
    let columns = [
        column("Package", "p"),
        column("Status", ""),
        column("Due", ""),
        column("Days left", "num"),
        column("Drawn to 90 days", "gone t2"),
    ];
    let rows = html! {
        @for due in &data.packages {
            @let left = viewer.zone.days_between(data.now, due.due_at);
            @let is_overdue = due.due_at <= data.now;
            @let is_near = is_overdue || left <= 1;
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    a.prime dir="auto" href=(href(due.package.meta.id)) { (due.package.record.title) }
                    @if let Some(recipient) = &due.recipient { span.sub { (recipient) } }
                }
                td role="cell" { (status(due.package.record.status.name())) }
                td role="cell" {
                    @if is_near { b.bad { (viewer.zone.near(due.due_at, data.now)) } } @else { (viewer.zone.near(due.due_at, data.now)) }
                }
                td.num role="cell" {
                    @if is_overdue { b.bad { "Overdue" } } @else { (left) span.ph { " days left" } }
                }
                td.gone.t2 role="cell" {
                    (strip(if is_near { "f-bad" } else { "f-accent" }, u64::try_from(left).unwrap_or_default(), DRAWN_DAYS))
                }
            }
        }
    };
    let label = "Submission packages that are due next";
    let count = |bucket| data.submissions.as_ref().map_or(0, |counts| counts.due(&[bucket]));
    let body = html! {
        div.body.flush { (table(label, viewer.has_compact_rows, &columns, &rows)) }
        footer {
            p.soft.small {
                (grouped(count(DueBucket::Overdue))) " overdue, "
                (grouped(count(DueBucket::Week))) " due within 7 days, "
                (grouped(count(DueBucket::Month))) " within 8 to 30 days, "
                (grouped(count(DueBucket::Quarter))) " within 31 to 90 days"
            }
        }
    };
    card("submissions", "Submissions due", &all, &body)
}

/// The notice of a package that is overdue.
pub(super) fn overdue_alert(viewer: &Viewer, data: &OverviewData) -> Option<Markup> {
    let due = data.packages.first().filter(|due| due.due_at <= data.now)?;
    let lead = html! { (due.package.record.title) " was due " (viewer.zone.minute(due.due_at)) "." };
    let others = data.submissions.as_ref().map_or(0, |counts| counts.due(&[DueBucket::Overdue])).saturating_sub(1);
    let state = match due.package.record.status {
        SubmissionPackageStatus::Rejected => "It was rejected, and has not been submitted again.",
        _ => "It has not been submitted.",
    };
    let rest = match others {
        0 => state.to_owned(),
        1 => format!("{state} Another package is overdue, too."),
        others => format!("{state} {} other packages are overdue, too.", grouped(others)),
    };
    Some(alert_note(&lead, &rest, &href(due.package.meta.id), "See the package"))
}

fn href(id: Id<SubmissionPackage>) -> String {
    format!("/app/submission-packages/{id}")
}
