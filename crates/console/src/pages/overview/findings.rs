//! The open findings: their course, their age, and those that are overdue.

use findings::Severity;
use maud::{Markup, html};
use store::{AgeBucket, Day, OpenFindings};

use super::{
    numbers::OverviewData,
    stats::{days, overdue_href},
};
use crate::{
    components::{Bar, BarChart, NONE, Series, TableColumn, card, legend, meter, numbers, severity, table},
    pages::findings::owner_of,
    viewer::Viewer,
    words::{counted, grouped},
    zone::Zone,
};

/// The severities as a stack of colors, the gravest on top.
const SERIES: [(Severity, Series<'_>); 5] = [
    (Severity::Critical, Series { title: "Critical", class: "f-critical" }),
    (Severity::High, Series { title: "High", class: "f-high" }),
    (Severity::Medium, Series { title: "Medium", class: "f-medium" }),
    (Severity::Low, Series { title: "Low", class: "f-low" }),
    (Severity::Info, Series { title: "Info", class: "f-info" }),
];

/// The plot of the open findings at the end of each week.
pub(super) fn open_by_week(data: &OverviewData) -> Markup {
    let bars = weekly_bars(data);
    let series = SERIES.map(|(_, series)| series);
    let label = course(&bars);
    let chart = BarChart { label: &label, unit: "Day", series: &series, bars: &bars, is_low: false };
    let today = data.findings.as_ref();
    let entries = SERIES.map(|(severity, series)| (series, today.map(|counts| counts.with_severity(&[severity]))));
    let about = format!(
        "At the end of each of {} weeks, in UTC. The last bar is today. Days without a count are reconstructed from the \
         findings as they are now.",
        data.weeks
    );
    let body = html! {
        div.body { figure.chart { (legend(&entries)) (chart.plot()) (chart.numbers()) } }
    };
    card_with("open-findings", "Open findings by severity", &about, &NONE, &body)
}

/// A bar for the end of each week, the last one for today.
fn weekly_bars(data: &OverviewData) -> Vec<Bar> {
    let utc = Zone::named("UTC");
    let today = Day::of(data.now);
    let mut month = String::new();
    let weeks = (0..i64::from(data.weeks)).rev().map(|week| today.plus(-7 * week));
    let bars = weeks.map(|day| {
        let start = day.start();
        let this_month = utc.text(start, "%b");
        let is_new = month != this_month;
        month.clone_from(&this_month);
        let open = data.open_on(day).copied().unwrap_or(OpenFindings { day, counts: [0; 5] });
        Bar {
            name: utc.text(start, "%-d %b %Y"),
            tick: if is_new { this_month } else { String::new() },
            values: SERIES.iter().map(|(severity, _)| open.with(*severity)).collect(),
        }
    });
    let mut bars: Vec<Bar> = bars.collect();
    // Two names of months beside each other would overlap.
    if let [first, second, ..] = bars.as_mut_slice()
        && !second.tick.is_empty()
    {
        first.tick.clear();
    }
    bars
}

/// The course of the plot in words.
fn course(bars: &[Bar]) -> String {
    let total = |bar: &Bar| bar.values.iter().sum::<u64>();
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return "Open findings.".to_owned() };
    let highest = bars.iter().rev().max_by_key(|bar| total(bar)).unwrap_or(last);
    format!(
        "Stacked bars, one for each of {} weeks. There were {} open findings on {}, at most {} on {}, and there are {} now.",
        bars.len(),
        grouped(total(first)),
        first.name,
        grouped(total(highest)),
        highest.name,
        grouped(total(last)),
    )
}

/// The ages of the open findings.
pub(super) fn by_age(data: &OverviewData) -> Markup {
    let rows: Vec<(AgeBucket, Vec<u64>)> = AgeBucket::ALL
        .iter()
        .map(|bucket| {
            let count = |severity| {
                data.findings.as_ref().map_or(0, |counts| counts.open(|own, _, age| own == severity && age == *bucket))
            };
            (*bucket, SERIES.iter().map(|(severity, _)| count(*severity)).collect())
        })
        .collect();
    let longest = rows.iter().map(|(_, values)| values.iter().sum()).max().unwrap_or_default();
    let headings: Vec<&str> =
        ["Age"].into_iter().chain(SERIES.iter().map(|(_, series)| series.title)).chain(["Total"]).collect();
    let table: Vec<(String, Vec<u64>)> = rows
        .iter()
        .map(|(bucket, values)| {
            let total = values.iter().sum();
            (age(*bucket).to_owned(), values.iter().copied().chain([total]).collect())
        })
        .collect();
    let body = html! {
        div.body {
            figure.chart {
                div.hbars {
                    @for (bucket, values) in &rows {
                        @let parts: Vec<(&str, u64)> =
                            SERIES.iter().zip(values).map(|((_, series), value)| (series.class, *value)).collect();
                        span { (age(*bucket)) }
                        (meter("sq", None, &parts, longest))
                        b.num { (grouped(values.iter().sum())) }
                    }
                }
                (legend(&SERIES.map(|(_, series)| (series, None))))
                (numbers("Open findings by age and severity", &headings, &table))
            }
        }
    };
    card_with("age", "Age of open findings", "Days since each was recorded.", &NONE, &body)
}

const fn age(bucket: AgeBucket) -> &'static str {
    match bucket {
        AgeBucket::Week => "0 to 7 days",
        AgeBucket::Month => "8 to 30 days",
        AgeBucket::Quarter => "31 to 90 days",
        AgeBucket::Half => "91 to 180 days",
        AgeBucket::Older => "Over 180 days",
    }
}

/// The findings that have been overdue for longest.
pub(super) fn overdue(viewer: &Viewer, data: &OverviewData) -> Markup {
    let count = data.findings.as_ref().map_or(0, store::FindingCounts::overdue);
    let more = html! { a href=(overdue_href(data.now)) { @if count > 0 { "All " (grouped(count)) " overdue" } @else { "All" } } };
    if data.overdue.is_empty() {
        return card("overdue", "Overdue findings", &more, &html! { div.body { p.muted { "Nothing is overdue." } } });
    }
    let column = |title: &'static str, class| TableColumn { title: title.into(), class };
    let columns = [column("Severity", ""), column("Finding", "p"), column("Owner", "t2"), column("Overdue", "num")];
    let rows = html! {
        @for finding in &data.overdue {
            @let record = &finding.record;
            tr role="row" {
                td role="cell" { (severity(record.severity)) }
                th.p scope="row" role="rowheader" {
                    a.prime dir="auto" href={ "/app/findings/" (finding.meta.id) } { (record.title) }
                    span.sub { span.key { (record.key) } }
                }
                td.t2 role="cell" { (data.owners.show(owner_of(record))) }
                td.num role="cell" {
                    @if let Some(due_at) = record.due_at {
                        b.bad { (days(viewer, due_at, data.now)) }
                        span.sub { span.nw { "due " (viewer.zone.day(due_at, data.now)) } }
                    }
                }
            }
        }
    };
    let label = format!("The {} overdue for longest", counted(data.overdue.len(), "finding", "findings"));
    let body = html! { div.body.flush { (table(&label, viewer.has_compact_rows, &columns, &rows)) } };
    card("overdue", "Overdue findings", &more, &body)
}

/// A card with a sentence below its heading.
pub(super) fn card_with(name: &str, title: &str, about: &str, more: &Markup, body: &Markup) -> Markup {
    let id = format!("h-{name}");
    html! {
        section.card aria-labelledby=(id) {
            header {
                h2 id=(id) { (title) }
                @if !more.0.is_empty() { div.push.row { (more) } }
                p { (about) }
            }
            (body)
        }
    }
}
