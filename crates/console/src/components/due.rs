//! Due dates: the day, and how far away it is.

use kernel::Timestamp;
use maud::{Markup, html};

use crate::{words::counted, zone::Zone};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A due date for a cell of a table. One that has passed stands out as long as the record is open.
pub(crate) fn due(zone: &Zone, due_at: Option<Timestamp>, is_open: bool, now: Timestamp) -> Markup {
    let Some(due_at) = due_at else { return html! { span.muted { "None" } } };
    if !is_open {
        return html! { span.nowrap { (zone.day(due_at, now)) } };
    }
    let distance = distance(due_at, now);
    if due_at < now {
        return html! { b.bad.nowrap { (zone.day(due_at, now)) } span.sub.nw { span.bad { (distance) } } };
    }
    html! { span.nowrap { (zone.day(due_at, now)) } span.sub.nw { (distance) } }
}

/// How far away a due date is: "in 4 days", "12 days over".
pub(crate) fn distance(due_at: Timestamp, now: Timestamp) -> String {
    let days = (due_at.millis() - now.millis()) / DAY;
    match usize::try_from(days.abs()).unwrap_or_default() {
        0 if due_at < now => "over since today".to_owned(),
        0 => "within a day".to_owned(),
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
        assert_eq!(distance(time("2026-11-28T12:00:00.000Z"), now), "in 4 days");
        assert_eq!(distance(time("2026-11-24T18:00:00.000Z"), now), "within a day");
        assert_eq!(distance(time("2026-11-23T11:00:00.000Z"), now), "1 day over");
        assert_eq!(distance(time("2026-11-24T11:00:00.000Z"), now), "over since today");
        let zone = Zone::named("UTC");
        assert!(due(&zone, Some(time("2026-11-01T00:00:00.000Z")), true, now).into_string().contains("bad"));
        assert!(!due(&zone, Some(time("2026-11-01T00:00:00.000Z")), false, now).into_string().contains("bad"));
    }
}
