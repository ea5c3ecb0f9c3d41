//! The numbers of calls of a service account.

use kernel::Timestamp;
use maud::{Markup, html};
use store::{CallSpan, CallTotals};

use crate::{
    components::{Bar, BarChart, NONE, Series, card, legend},
    viewer::Viewer,
    words::{counted, grouped, percent},
};

/// The outcomes of calls, the uppermost of the stack first.
const SERIES: [Series<'_>; 4] = [
    Series { title: "Failed", class: "f-bad" },
    Series { title: "Rate limited", class: "f-warn" },
    Series { title: "Refused", class: "f-high" },
    Series { title: "Answered", class: "f-accent" },
];

/// The number of hours that the drawing has.
const DRAWN: usize = 24;

/// The hours between two times at the axis.
const TICK_EVERY: u32 = 6;

const fn values(calls: CallTotals) -> [u64; 4] {
    [calls.failed, calls.limited, calls.refused, calls.answered]
}

fn sum(calls: &[CallTotals]) -> CallTotals {
    let mut total = CallTotals::default();
    calls.iter().for_each(|calls| total.add(*calls));
    total
}

/// The card with the numbers of the last 24 hours and of the last 7 days. `calls` are those of each hour, the current one
/// last.
pub(super) fn calls_card(viewer: &Viewer, calls: &[CallTotals], now: Timestamp) -> Markup {
    let drawn = &calls[calls.len().saturating_sub(DRAWN)..];
    let (day, week) = (sum(drawn), sum(calls));
    let bars = bars(viewer, drawn, now);
    let label = format!("Calls by hour in the last 24 hours: {}.", in_words(day));
    let chart = BarChart { label: &label, unit: "Hour", series: &SERIES, bars: &bars, is_low: true };
    let numbers = SERIES.iter().zip(values(day)).map(|(series, value)| (*series, Some(value)));
    let body = html! {
        div.body {
            dl.dl {
                dt { "24 hours" } dd { (in_words(day)) }
                dt { "7 days" } dd { (in_words(week)) }
            }
            @if day.total() > 0 {
                figure.chart { (legend(&numbers.collect::<Vec<_>>())) (chart.plot()) (chart.numbers()) }
            }
        }
        footer { "Calls with its tokens, by the hour, the current one included. Requests for tokens are in the list of calls, but are not counted here. Refused are those that were answered with another 4xx status than 429." }
    };
    card("numbers", "Calls by hour", &NONE, &body)
}

fn bars(viewer: &Viewer, calls: &[CallTotals], now: Timestamp) -> Vec<Bar> {
    let zone = &viewer.zone;
    let current = CallSpan::Hour.start_of(now);
    let hours_before = (0..u32::try_from(calls.len()).unwrap_or_default()).rev();
    let bar = |(hours, calls): (u32, &CallTotals)| {
        let start = current - CallSpan::Hour.length() * hours;
        let is_marked = zone.text(start, "%-H").parse::<u32>().is_ok_and(|hour| hour % TICK_EVERY == 0);
        Bar {
            name: zone.text(start, "%-d %b, %H:%M"),
            tick: if is_marked { zone.text(start, "%H:%M") } else { String::new() },
            values: values(*calls).to_vec(),
        }
    };
    hours_before.zip(calls).map(bar).collect()
}

/// The number of calls, and how many of them were not answered.
fn in_words(calls: CallTotals) -> String {
    let total = counted(usize::try_from(calls.total()).unwrap_or(usize::MAX), "call", "calls");
    let parts = [(calls.refused, "refused"), (calls.limited, "rate limited"), (calls.failed, "failed")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts =
        parts.map(|(number, word)| format!(", {} {word} ({})", grouped(number), percent(number, calls.total())));
    format!("{total}{}", parts.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_say_how_many_calls_had_which_outcome() {
        assert_eq!(in_words(CallTotals::default()), "0 calls");
        let calls = CallTotals { answered: 950, refused: 40, limited: 0, failed: 10 };
        assert_eq!(in_words(calls), "1,000 calls, 40 refused (4.0 %), 10 failed (1.0 %)");
        assert_eq!(in_words(CallTotals { answered: 1, ..CallTotals::default() }), "1 call");
    }
}
