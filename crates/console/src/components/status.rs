//! Statuses and severities: a mark and a word, so that neither is told by color alone.

use kernel::Severity;
use maud::{Markup, html};

use crate::words::sentence;

/// The mark of a status: how far the record has come, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Draft,
    Empty,
    Quarter,
    Half,
    ThreeQuarters,
    Done,
    Kept,
    Alert,
    Refused,
}

impl Mark {
    /// The mark of the status with this name, whichever kind of record has it. A status that is missing here has the
    /// mark of one that has just begun.
    fn of(status: &str) -> Self {
        match status {
            "draft" | "planned" | "prospective" | "proposed" | "scheduled" | "invited" => Self::Draft,
            "triaged" | "pending" | "assessed" | "onboarding" => Self::Quarter,
            "in_review" | "in-progress" | "under-assessment" | "remediation_planned" | "in-maintenance" | "paused" => {
                Self::Half
            }
            "under-treatment" | "remediating" | "ready" | "submitted" | "requires-patch" => Self::ThreeQuarters,
            "accepted" | "risk-accepted" | "waived" | "retired" | "archived" | "superseded" | "withdrawn" | "ended"
            | "cancelled" | "terminated" | "disposed" | "removed" | "false-positive" | "rolled-back" => Self::Kept,
            "active" | "approved" | "closed" | "verified" | "completed" | "delivered" | "acknowledged" | "released"
            | "implemented" | "done" | "patched" | "mitigated" | "linked" | "pass" | "passed" | "met" => Self::Done,
            "failed" | "expiring" | "expired" | "suspended" | "warning" => Self::Alert,
            "rejected" | "revoked" | "exhausted" | "disabled" | "critical" | "fail" => Self::Refused,
            _ => Self::Empty,
        }
    }

    /// The class that gives the mark its color. Statuses under way have colors of their own.
    const fn class(self) -> Option<&'static str> {
        match self {
            Self::Done => Some("done"),
            Self::Alert => Some("alert"),
            Self::Refused => Some("refused"),
            _ => None,
        }
    }

    fn drawing(self) -> Markup {
        let filled = |path: &'static str| html! { path.fill d=(path) {} };
        let line = |path: &'static str| html! { path d=(path) {} };
        match self {
            Self::Draft | Self::Empty => html! {},
            Self::Quarter => filled("M7 7V3.600A3.400 3.400 0 0 1 10.400 7z"),
            Self::Half => filled("M7 3.600a3.400 3.400 0 0 1 0 6.800z"),
            Self::ThreeQuarters => filled("M7 7V3.600A3.400 3.400 0 1 1 3.600 7z"),
            Self::Done => line("M4.500 7.200 6.300 9l3.200-3.700"),
            Self::Kept => line("M4.500 7h5"),
            Self::Alert => line("M7 4.200v3.300M7 9.700v.01"),
            Self::Refused => line("m5 5 4 4M9 5 5 9"),
        }
    }
}

/// The status with this name.
#[must_use]
pub(crate) fn status(name: &str) -> Markup {
    status_in_words(name, &sentence(name))
}

/// The status with this name, in other words than its name.
#[must_use]
pub(crate) fn status_in_words(name: &str, words: &str) -> Markup {
    marked(Mark::of(name), name, words)
}

/// A status of one of these names. "Accepted" is a success where the other decision is a rejection, and the end of an
/// effort elsewhere.
#[must_use]
pub(crate) fn status_among(name: &str, names: &[&str]) -> Markup {
    let mark = if name == "accepted" && names.contains(&"rejected") { Mark::Done } else { Mark::of(name) };
    marked(mark, name, &sentence(name))
}

/// Whether work on a record with this status remains, so that its due date counts.
#[must_use]
pub(crate) fn is_under_way(status: &str) -> bool {
    !matches!(Mark::of(status), Mark::Done | Mark::Kept) && status != "submitted"
}

fn marked(mark: Mark, name: &str, words: &str) -> Markup {
    html! {
        span class={ "st " (name) } {
            svg class=[mark.class()] viewBox="0 0 14 14" aria-hidden="true" {
                circle cx="7" cy="7" r="5.500" stroke-dasharray=[(mark == Mark::Draft).then_some("2.200 2")] {}
                (mark.drawing())
            }
            (words)
        }
    }
}

/// The severity with its bars.
#[must_use]
pub(crate) fn severity(severity: Severity) -> Markup {
    const BARS: [(&str, &str, &str); 4] =
        [("0", "9.5", "4.5"), ("3.6", "6.5", "7.5"), ("7.2", "3.5", "10.5"), ("10.8", "0.5", "13.5")];
    let filled = match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    };
    html! {
        span class={ "sev " (severity.name()) } {
            svg viewBox="0 0 14 14" aria-hidden="true" {
                @for (index, (x, y, height)) in BARS.into_iter().enumerate() {
                    rect class=(if index < filled { "on" } else { "off" }) x=(x) y=(y) width="2.6" height=(height) rx=".8" {}
                }
            }
            (sentence(severity.name()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_mark_and_a_word() {
        let html = status("remediation_planned").into_string();
        assert!(html.starts_with("<span class=\"st remediation_planned\"><svg"), "{html}");
        assert!(html.ends_with("</svg>Remediation planned</span>"), "{html}");
        assert!(status("draft").into_string().contains("stroke-dasharray"));
    }

    #[test]
    fn an_acceptance_is_a_success_where_the_other_decision_is_a_rejection() {
        let mark = |names: &[&str]| status_among("accepted", names).into_string().contains("<svg class=\"done\"");
        assert!(mark(&["pending", "accepted", "rejected"]));
        assert!(!mark(&["open", "accepted", "closed"]), "the risk of a finding is accepted");
    }

    #[test]
    fn the_due_date_of_what_is_over_does_not_count() {
        let under_way = ["open", "draft", "ready", "rejected", "in-progress"];
        assert!(under_way.into_iter().all(is_under_way));
        assert!(!["done", "waived", "submitted", "acknowledged", "withdrawn"].into_iter().any(is_under_way));
    }

    #[test]
    fn a_severity_has_as_many_bars_as_it_is_grave() {
        for (grade, bars) in [(Severity::Info, 0), (Severity::Medium, 2), (Severity::Critical, 4)] {
            assert_eq!(severity(grade).into_string().matches("class=\"on\"").count(), bars);
        }
    }
}
