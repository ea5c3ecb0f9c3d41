//! Times as a reader sees them: in the time zone of their workspace, with the exact moment behind them.

use jiff::{
    Timestamp as Moment, Zoned,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use kernel::Timestamp;
use maud::{Markup, html};

const OUT_OF_RANGE: &str = "is not within the years 1 to 9999";

/// The time zone of a workspace.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    zone: TimeZone,
    name: String,
}

impl Zone {
    /// Returns the zone with this IANA name, or UTC if there is none, whose name then stands at the foot of each page.
    #[must_use]
    pub(crate) fn named(name: &str) -> Self {
        TimeZone::get(name).map_or_else(
            |_| Self { zone: TimeZone::UTC, name: "UTC".to_owned() },
            |zone| Self { zone, name: name.to_owned() },
        )
    }

    /// The IANA name of the zone.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The date and the minute, such as "24 Nov 2026, 10:42".
    #[must_use]
    pub(crate) fn minute(&self, time: Timestamp) -> Markup {
        self.element(time, "%-d %b %Y, %H:%M")
    }

    /// The date and the minute within a text.
    #[must_use]
    pub(crate) fn minute_text(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%-d %b %Y, %H:%M").to_string()
    }

    /// The date, such as "24 Nov 2026".
    #[must_use]
    pub(crate) fn date(&self, time: Timestamp) -> Markup {
        self.element(time, "%-d %b %Y")
    }

    /// The month, such as "November 2026".
    #[must_use]
    pub(crate) fn month(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%B %Y").to_string()
    }

    /// The date without the year and the time with its seconds, such as "24 Nov, 10:42:07"; for logs.
    #[must_use]
    pub(crate) fn second(&self, time: Timestamp) -> Markup {
        self.element(time, "%-d %b, %H:%M:%S")
    }

    /// How long ago a time is, such as "2 min ago"; the date of one that is more than a day ago.
    #[must_use]
    pub(crate) fn ago(&self, time: Timestamp, now: Timestamp) -> Markup {
        let seconds = now.since(time).as_secs();
        match seconds {
            0..60 => self.element(time, "just now"),
            60..3_600 => self.element(time, &format!("{} min ago", seconds / 60)),
            3_600..86_400 => self.element(time, &format!("{} h ago", seconds / 3_600)),
            _ => self.day(time, now),
        }
    }

    /// The date of a recent time without its year if that is the current one, such as "24 Nov"; for columns of tables.
    #[must_use]
    pub(crate) fn day(&self, time: Timestamp, now: Timestamp) -> Markup {
        let same_year = self.zoned(time).year() == self.zoned(now).year();
        self.element(time, if same_year { "%-d %b" } else { "%-d %b %Y" })
    }

    /// The time of a near day, such as "Tomorrow, 16:20"; otherwise the date.
    #[must_use]
    pub(crate) fn near(&self, time: Timestamp, now: Timestamp) -> Markup {
        let days = self.days_between(now, time);
        let format = match days {
            -1 => "Yesterday, %H:%M",
            0 => "Today, %H:%M",
            1 => "Tomorrow, %H:%M",
            _ => "%-d %b %Y",
        };
        self.element(time, format)
    }

    /// The number of days from the day of one time to that of another; negative if that is earlier.
    #[must_use]
    pub(crate) fn days_between(&self, from: Timestamp, to: Timestamp) -> i64 {
        let (from, to) = (self.zoned(from).date(), self.zoned(to).date());
        i64::from(from.until(to).map_or(0, |span| span.get_days()))
    }

    /// The date of a time as an input of type `date` has it.
    #[must_use]
    pub(crate) fn input_date(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%Y-%m-%d").to_string()
    }

    /// The time as an input of type `datetime-local` has it.
    #[must_use]
    pub(crate) fn input_minute(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// Returns the moment at which a clock in this zone shows what an input of type `datetime-local` has, the earlier one if
    /// there are two, or at which the day of an input of type `date` begins.
    ///
    /// # Errors
    /// A message for the person who typed it.
    pub(crate) fn parse_input(&self, text: &str) -> Result<Timestamp, String> {
        if let Some(day) = parse_day(text) {
            return self.start_of(day);
        }
        let local: DateTime = text.parse().map_err(|_| "is not a date and a time such as 2026-11-24 10:42")?;
        let moment = self.zone.to_ambiguous_zoned(local);
        if let AmbiguousOffset::Gap { .. } = moment.offset() {
            let name = &self.name;
            return Err(format!(
                "does not exist in {name}: clocks were set forward over it, so give the time that they showed"
            ));
        }
        moment.compatible().map(millis).map_err(|_| OUT_OF_RANGE.to_owned())
    }

    /// Returns the moment of a due date: as [`Self::parse_input`] does, and for a day without a time its last moment.
    ///
    /// # Errors
    /// A message for the person who typed it.
    pub(crate) fn parse_due(&self, text: &str) -> Result<Timestamp, String> {
        let Some(day) = parse_day(text) else { return self.parse_input(text) };
        Ok(Timestamp::from_millis(self.end_of(day)?.millis() - 1))
    }

    fn end_of(&self, day: Date) -> Result<Timestamp, String> {
        self.start_of(day.tomorrow().map_err(|_| OUT_OF_RANGE)?)
    }

    fn start_of(&self, day: Date) -> Result<Timestamp, String> {
        day.to_zoned(self.zone.clone()).map(millis).map_err(|_| OUT_OF_RANGE.to_owned())
    }

    /// Returns the end of the day that an input of type `date` has: the moment at which the next day begins in this zone.
    ///
    /// # Errors
    /// A message for the person who typed it.
    pub(crate) fn parse_end_of_day(&self, text: &str) -> Result<Timestamp, String> {
        self.end_of(parse_day(text).ok_or("is not a date such as 2026-11-24")?)
    }

    /// The last day before a time, as an input of type `date` has it.
    #[must_use]
    pub(crate) fn input_last_day(&self, end: Timestamp) -> String {
        self.input_date(Timestamp::from_millis(end.millis() - 1))
    }

    /// The last day before a time that is the end of one; of another time, the date and the minute.
    #[must_use]
    pub(crate) fn end(&self, end: Timestamp) -> Markup {
        let day = self.input_last_day(end);
        let last = Timestamp::from_millis(end.millis() - 1);
        if self.parse_end_of_day(&day) != Ok(end) {
            return self.minute(end);
        }
        let exact = end.to_string();
        html! { "End of " time datetime=(exact) title=(exact) { (self.text(last, "%-d %b %Y")) } }
    }

    /// The time as a text, for titles, in the format of `strftime`.
    #[must_use]
    pub(crate) fn text(&self, time: Timestamp, format: &str) -> String {
        self.zoned(time).strftime(format).to_string()
    }

    fn element(&self, time: Timestamp, format: &str) -> Markup {
        let exact = time.to_string();
        html! { time datetime=(exact) title=(exact) { (self.zoned(time).strftime(format)) } }
    }

    fn zoned(&self, time: Timestamp) -> Zoned {
        Moment::from_millisecond(time.millis()).unwrap_or_default().to_zoned(self.zone.clone())
    }
}

/// The day that an input of type `date` has.
fn parse_day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == 10)
}

fn millis(zoned: Zoned) -> Timestamp {
    Timestamp::from_millis(zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn times_are_shown_in_the_zone_with_the_exact_moment() {
        let zone = Zone::named("America/New_York");
        assert_eq!(
            zone.minute(time("2026-11-24T15:42:07.000Z")).into_string(),
            "<time datetime=\"2026-11-24T15:42:07.000Z\" title=\"2026-11-24T15:42:07.000Z\">24 Nov 2026, 10:42</time>"
        );
        assert!(
            zone.day(time("2026-11-25T02:00:00Z"), time("2026-12-01T00:00:00Z")).into_string().contains(">24 Nov<")
        );
        assert!(
            zone.day(time("2025-11-25T12:00:00Z"), time("2026-12-01T00:00:00Z"))
                .into_string()
                .contains(">25 Nov 2025<")
        );
    }

    #[test]
    fn recent_times_say_how_long_ago_they_are() {
        let zone = Zone::named("UTC");
        let ago = |text| zone.ago(time(text), time("2026-11-24T12:00:00Z")).into_string();
        assert!(ago("2026-11-24T11:59:30Z").contains(">just now<"));
        assert!(ago("2026-11-24T11:58:00Z").contains(">2 min ago<"));
        assert!(ago("2026-11-24T04:00:00Z").contains(">8 h ago<"));
        assert!(ago("2026-11-20T12:00:00Z").contains(">20 Nov<"));
    }

    #[test]
    fn near_times_are_said_by_the_days_of_the_zone() {
        let zone = Zone::named("America/New_York");
        let now = time("2026-11-24T15:42:00Z");
        for (at, text) in [
            ("2026-11-25T21:20:00Z", ">Tomorrow, 16:20<"),
            ("2026-11-25T04:59:00Z", ">Today, 23:59<"),
            ("2026-11-23T15:00:00Z", ">Yesterday, 10:00<"),
            ("2026-12-11T15:00:00Z", ">11 Dec 2026<"),
        ] {
            let html = zone.near(time(at), now).into_string();
            assert!(html.contains(text), "{html}");
        }
        assert_eq!(zone.days_between(now, time("2027-01-30T15:00:00Z")), 67);
        assert_eq!(zone.days_between(now, time("2026-11-12T15:00:00Z")), -12);
    }

    #[test]
    fn a_day_ends_when_the_next_one_begins_in_the_zone() {
        let zone = Zone::named("America/New_York");
        assert_eq!(zone.parse_end_of_day("2027-12-31"), Ok(time("2028-01-01T05:00:00Z")));
        // The clock is set back in the night after this day, which ends at midnight all the same.
        assert_eq!(zone.parse_end_of_day("2026-10-31"), Ok(time("2026-11-01T04:00:00Z")));
        assert_eq!(zone.input_last_day(time("2028-01-01T05:00:00Z")), "2027-12-31");
        assert!(zone.parse_end_of_day("2027-02-30").is_err() && zone.parse_end_of_day("9999-12-31").is_err());
        let end = |text| zone.end(time(text)).into_string();
        assert!(
            end("2028-01-01T05:00:00Z").starts_with("End of <time")
                && end("2028-01-01T05:00:00Z").contains(">31 Dec 2027<")
        );
        assert!(end("2027-12-31T17:00:00Z").contains(">31 Dec 2027, 12:00<"));
    }

    #[test]
    fn a_time_over_which_clocks_were_set_forward_does_not_exist() {
        let zone = Zone::named("America/New_York");
        let fault = zone.parse_input("2026-03-08T02:30").expect_err("no clock showed it");
        assert!(fault.starts_with("does not exist in America/New_York"), "{fault}");
        assert_eq!(zone.parse_input("2026-03-08T03:00"), Ok(time("2026-03-08T07:00:00Z")));
        // The day begins at 01:00 there.
        assert_eq!(Zone::named("Asia/Beirut").parse_input("2026-03-29"), Ok(time("2026-03-28T22:00:00Z")));
    }

    #[test]
    fn a_due_date_without_a_time_is_the_end_of_its_day() {
        let zone = Zone::named("America/New_York");
        assert_eq!(zone.parse_due("2026-11-24"), Ok(time("2026-11-25T04:59:59.999Z")));
        // The day on which clocks are set back has 25 hours.
        assert_eq!(zone.parse_due("2026-11-01"), Ok(time("2026-11-02T04:59:59.999Z")));
        assert_eq!(zone.parse_due("2026-11-24T10:42"), zone.parse_input("2026-11-24T10:42"));
        assert!(zone.parse_due("tomorrow").is_err());
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(Zone::named("Atlantis/Capital").name(), "UTC");
    }

    #[test]
    fn what_is_typed_is_a_time_of_the_zone() {
        let zone = Zone::named("America/New_York");
        assert_eq!(zone.parse_input("2026-11-24T10:42"), Ok(time("2026-11-24T15:42:00Z")));
        assert_eq!(zone.parse_input("2026-07-01"), Ok(time("2026-07-01T04:00:00Z")));
        // The clock shows 01:30 twice on this day.
        assert_eq!(zone.parse_input("2026-11-01T01:30"), Ok(time("2026-11-01T05:30:00Z")));
        assert!(zone.parse_input("tomorrow").is_err() && zone.parse_input("2026-02-30").is_err());
        assert_eq!(zone.input_minute(time("2026-11-24T15:42:00Z")), "2026-11-24T10:42");
        assert_eq!(zone.input_date(time("2026-11-24T03:00:00Z")), "2026-11-23");
    }
}
