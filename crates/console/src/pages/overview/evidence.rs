//! The validity of evidence.

use std::time::Duration;

use maud::{Markup, html};
use store::EvidenceState;

use super::numbers::OverviewData;
use crate::{
    components::{Bar, BarChart, Series, card, legend, meter},
    viewer::Viewer,
    words::grouped,
};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The states of claims with their colors.
const STATES: [(EvidenceState, Series<'_>); 5] = [
    (EvidenceState::Valid, Series { title: "Valid", class: "f-good" }),
    (EvidenceState::Expiring, Series { title: "Expires in 30 days", class: "f-warn" }),
    (EvidenceState::Expired, Series { title: "Expired", class: "f-bad" }),
    (EvidenceState::Pending, Series { title: "Pending review", class: "f-accent" }),
    (EvidenceState::Rejected, Series { title: "Rejected", class: "f-mute" }),
];

/// The claims by their states, and those that expire in the next weeks.
pub(super) fn validity(viewer: &Viewer, data: &OverviewData) -> Markup {
    let count = |state| data.evidence.as_ref().map_or(0, |counts| counts.with_state(state));
    let parts: Vec<(&str, u64)> = STATES.iter().map(|(state, series)| (series.class, count(*state))).collect();
    let all = parts.iter().map(|(_, count)| count).sum();
    let words =
        STATES.iter().map(|(state, series)| format!("{} {}", grouped(count(*state)), series.title.to_lowercase()));
    let label = format!("Of {} evidence claims: {}", grouped(all), words.collect::<Vec<_>>().join(", "));
    let entries = STATES.map(|(state, series)| (series, Some(count(state))));
    let bars = expiring_by_week(viewer, data);
    let expiring: u64 = bars.iter().flat_map(|bar| &bar.values).sum();
    let about = format!("{} claims expire within 12 weeks, one bar for each week.", grouped(expiring));
    let series = [Series { title: "Expiring", class: "f-warn" }];
    let chart = BarChart { label: &about, unit: "Week of", series: &series, bars: &bars, is_low: true };
    let body = html! {
        div.body {
            figure.chart { (meter("tall", Some(&label), &parts, all)) (legend(&entries)) }
            h3.soft.small { "Claims that expire, by week" }
            figure.chart { (chart.plot()) (chart.numbers()) }
        }
    };
    let queue = html! { a href="/app/evidence-claims?status=pending" { "Review queue" } };
    card("evidence", "Evidence validity", &queue, &body)
}

fn expiring_by_week(viewer: &Viewer, data: &OverviewData) -> Vec<Bar> {
    let Some(counts) = &data.evidence else { return Vec::new() };
    let weeks = counts.expiring.iter().enumerate().map(|(week, count)| {
        let start = counts.counted_at + WEEK * u32::try_from(week).unwrap_or_default();
        let name = viewer.zone.text(start, "%-d %b %Y");
        let tick = if week % 3 == 0 { viewer.zone.text(start, "%-d %b") } else { String::new() };
        Bar { name, tick, values: vec![*count] }
    });
    weeks.collect()
}
