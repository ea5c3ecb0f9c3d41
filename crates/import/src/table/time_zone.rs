//! The time zone of dates that state no offset.

use jiff::tz;
use kernel::Timestamp;

/// The time zone of dates that state no offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(tz::TimeZone);

impl Default for TimeZone {
    fn default() -> Self {
        Self(tz::TimeZone::UTC)
    }
}

impl TimeZone {
    /// Returns the zone with this IANA name.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        let zone = tz::TimeZone::get(name);
        zone.map(Self).map_err(|_| format!("{name:?} is no time zone: name one such as Europe/Berlin or UTC"))
    }

    /// The moment at which a clock in the zone shows what one in UTC shows at `time`; the earlier one if there are two, and
    /// the one after the gap if there is none.
    ///
    /// # Errors
    /// If the moment is outside of the years 1 to 9999.
    pub(super) fn moment(&self, time: Timestamp) -> Result<Timestamp, String> {
        let outside = |_| "is not within the years 1 to 9999".to_owned();
        let clock = jiff::Timestamp::from_millisecond(time.millis()).map_err(outside)?;
        let clock = clock.to_zoned(tz::TimeZone::UTC).datetime();
        let moment = self.0.to_ambiguous_zoned(clock).compatible().map_err(outside)?;
        Ok(Timestamp::from_millis(moment.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_of_the_zone_shows_the_time() {
        let zone = TimeZone::parse("America/New_York").unwrap();
        for (clock, moment) in [
            ("2027-07-11T00:00:00.000Z", "2027-07-11T04:00:00.000Z"),
            ("2027-01-11T00:00:00.001Z", "2027-01-11T05:00:00.001Z"),
            // The clock shows 01:30 twice on this day, and never 02:30 on the other one.
            ("2026-11-01T01:30:00.000Z", "2026-11-01T05:30:00.000Z"),
            ("2026-03-08T02:30:00.000Z", "2026-03-08T07:30:00.000Z"),
        ] {
            assert_eq!(zone.moment(clock.parse().unwrap()).unwrap().to_string(), moment);
        }
        let time = "2026-11-01T01:30:00.000Z".parse().unwrap();
        assert_eq!(TimeZone::default().moment(time), Ok(time));
        assert!(TimeZone::parse("Atlantis/Capital").unwrap_err().contains("Atlantis"));
    }
}
