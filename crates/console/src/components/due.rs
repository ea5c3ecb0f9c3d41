//! Due dates: the day, and how far away it is.

use kernel::Timestamp;
use maud::{Markup, html};

use crate::{words::counted, zone::Zone};

/// A due date for a cell of a table. One that has passed stands out as long as the record is open.
pub(crate) fn due(zone: &Zone, due_at: Option<Timestamp>, is_open: bool, now: Timestamp) -> Markup {
    let Some(due_at) = due_at else { return html! { span.muted { "None" } } };
    if !is_open {
        return html! { span.nowrap { (zone.day(due_at, now)) } };
    }
    let distance = distance(zone, due_at, now);
    if due_at < now {
        return html! { b.bad.nowrap { (zone.day(due_at, now)) } span.sub.nw { span.bad { (distance) } } };
    }
    html! { span.nowrap { (zone.day(due_at, now)) } span.sub.nw { (distance) } }
}

/// How far away a due date is, in days of the calendar: "in 4 days", "12 days over".
pub(crate) fn distance(zone: &Zone, due_at: Timestamp, now: Timestamp) -> String {
    let days = zone.days_between(now, due_at);
    match usize::try_from(days.abs()).unwrap_or_default() {
        0 if due_at < now => "over since today".to_owned(),
        0 => "today".to_owned(),
        number if due_at < now => format!("{} over", counted(number, "day", "days")),
        number => format!("in {}", counted(number, "day", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_date_says_how_far_away_it_is() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        let now = time("2026-11-24T12:00:00.000Z");
        let zone = Zone::named("UTC");
        let distance = |due_at| distance(&zone, time(due_at), now);
        assert_eq!(distance("2026-11-28T12:00:00.000Z"), "in 4 days");
        assert_eq!(distance("2026-11-24T18:00:00.000Z"), "today");
        assert_eq!(distance("2026-11-25T00:00:00.000Z"), "in 1 day", "tomorrow, although it is only 12 hours away");
        assert_eq!(distance("2026-11-26T11:00:00.000Z"), "in 2 days", "not a day less because of the hour");
        assert_eq!(distance("2026-11-23T23:00:00.000Z"), "1 day over");
        assert_eq!(distance("2026-11-24T11:00:00.000Z"), "over since today");
        assert!(due(&zone, Some(time("2026-11-01T00:00:00.000Z")), true, now).into_string().contains("bad"));
        assert!(!due(&zone, Some(time("2026-11-01T00:00:00.000Z")), false, now).into_string().contains("bad"));
    }
}
