//! Timestamps as the contract defines them: UTC, in milliseconds.

use std::{fmt, ops, str::FromStr, time::Duration};

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, format_description::well_known::Rfc3339};
use ulid::Ulid;

/// A time in UTC, in whole milliseconds since 1970, between the years 0001 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The reason why a text is not a timestamp, with a message fit for an API response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedTimestamp {
    /// It is neither an RFC 3339 timestamp nor a calendar date within the years 0001 to 9999.
    #[error("must be a date or an RFC 3339 timestamp, such as 2026-05-25 or 2026-05-25T14:08:33.000Z")]
    NeitherDateNorTime,
    /// It would be a timestamp with a `+` in place of its last blank: in a URL, `+` stands for a blank.
    #[error("has a blank where the + of its offset was meant: write + as %2B in a URL")]
    BlankForPlus,
}

const MIN: i64 = -62_135_596_800_000;
const MAX: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The earliest timestamp: the start of 0001-01-01.
    pub const MIN: Self = Self(MIN);
    /// The latest timestamp: the end of 9999-12-31.
    pub const MAX: Self = Self(MAX);

    /// Creates the timestamp this many milliseconds after 1970-01-01T00:00:00Z, clamped to [`Self::MIN`] and
    /// [`Self::MAX`].
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < MIN {
            MIN
        } else if millis > MAX {
            MAX
        } else {
            millis
        })
    }

    /// The milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time that has passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The time between the two, whichever is later. Ages in memory are compared with this: measured by
    /// [`Self::since`], whatever was noted before a clock was set back would count as new until the clock has caught
    /// up.
    #[must_use]
    pub fn distance(self, other: Self) -> Duration {
        self.since(other).max(other.since(self))
    }

    /// Returns this time, or the millisecond after `previous` if that is later. Every change of a record has the time of
    /// its write later than the change that it replaces: the clock may step back, and other processes stamp their changes
    /// up to half a second ahead of it, but a client that compares the times of two states must see which one is newer.
    #[must_use]
    pub fn later_than(self, previous: Self) -> Self {
        self.max(previous + Duration::from_millis(1))
    }

    /// The smallest ULID of this millisecond. Times before 1970, which no ULID has, count as 1970.
    #[must_use]
    pub fn first_ulid(self) -> Ulid {
        Ulid::from_parts(u64::try_from(self.0).unwrap_or(0), 0)
    }

    /// The largest ULID of an earlier millisecond; the nil ULID if there is none.
    #[must_use]
    pub fn last_ulid_before(self) -> Ulid {
        Ulid(self.first_ulid().0.saturating_sub(1))
    }

    /// Parses an RFC 3339 timestamp (with any offset; truncated to the millisecond) or a date, which means midnight
    /// UTC.
    ///
    /// # Errors
    /// [`MalformedTimestamp`] if the text is neither.
    pub fn parse_date_or_time(text: &str) -> Result<Self, MalformedTimestamp> {
        let parsed = if text.len() == 10 { parse_date(text) } else { text.parse() };
        parsed.map_err(|error| if lacks_plus(text) { MalformedTimestamp::BlankForPlus } else { error })
    }
}

/// Whether the text would be a timestamp with a `+` in place of its last blank.
fn lacks_plus(text: &str) -> bool {
    text.rsplit_once(' ').is_some_and(|(time, offset)| format!("{time}+{offset}").parse::<Timestamp>().is_ok())
}

fn parse_date(text: &str) -> Result<Timestamp, MalformedTimestamp> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|part| part.parse::<u16>().ok())
            .ok_or(MalformedTimestamp::NeitherDateNorTime)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = u8::try_from(month)
        .ok()
        .and_then(|month| Month::try_from(month).ok())
        .ok_or(MalformedTimestamp::NeitherDateNorTime)?;
    let day = u8::try_from(day).map_err(|_| MalformedTimestamp::NeitherDateNorTime)?;
    let date =
        Date::from_calendar_date(i32::from(year), month, day).map_err(|_| MalformedTimestamp::NeitherDateNorTime)?;
    from_offset_date_time(PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc())
}

fn from_offset_date_time(moment: OffsetDateTime) -> Result<Timestamp, MalformedTimestamp> {
    let millis = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000))
        .map_err(|_| MalformedTimestamp::NeitherDateNorTime)?;
    if (MIN..=MAX).contains(&millis) { Ok(Timestamp(millis)) } else { Err(MalformedTimestamp::NeitherDateNorTime) }
}

impl FromStr for Timestamp {
    type Err = MalformedTimestamp;

    fn from_str(text: &str) -> Result<Self, MalformedTimestamp> {
        from_offset_date_time(
            OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MalformedTimestamp::NeitherDateNorTime)?,
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis_of_day) = (self.0.div_euclid(MILLIS_PER_DAY), self.0.rem_euclid(MILLIS_PER_DAY));
        let days = u32::try_from(days + DAYS_BEFORE_1970).map_err(|_| fmt::Error)?;
        let millis_of_day = u32::try_from(millis_of_day).map_err(|_| fmt::Error)?;
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        write_digits(&mut text[0..4], year);
        write_digits(&mut text[5..7], month);
        write_digits(&mut text[8..10], day);
        write_digits(&mut text[11..13], millis_of_day / 3_600_000);
        write_digits(&mut text[14..16], millis_of_day / 60_000 % 60);
        write_digits(&mut text[17..19], millis_of_day / 1000 % 60);
        write_digits(&mut text[20..23], millis_of_day % 1000);
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// The milliseconds of one day.
const MILLIS_PER_DAY: i64 = 86_400_000;

/// The days from 1 March of the year 0 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Returns the year, month and day of the date `days` days after 1 March of the year 0. Years that begin in March have
/// their leap day at the end (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>). This is written
/// by hand because its speed matters: every record in a response has two timestamps.
const fn civil_from_days(days: u32) -> (u32, u32, u32) {
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let march_based = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_based + 2) / 5 + 1;
    let (month, carry) = if march_based < 10 { (march_based + 3, 0) } else { (march_based - 9, 1) };
    (era * 400 + year + carry, month, day)
}

fn write_digits(buffer: &mut [u8], mut number: u32) {
    for digit in buffer.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_timestamp_is_written_with_milliseconds_and_z() {
        assert_eq!(Timestamp::from_millis(1_779_718_113_000).to_string(), "2026-05-25T14:08:33.000Z");
        assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_date_means_midnight_utc_and_offsets_are_converted_to_utc() {
        assert_eq!(Timestamp::parse_date_or_time("2026-05-25").unwrap().to_string(), "2026-05-25T00:00:00.000Z");
        let offset = Timestamp::parse_date_or_time("2026-05-25T16:08:33.0009+02:00").unwrap();
        assert_eq!(offset.to_string(), "2026-05-25T14:08:33.000Z");
    }

    #[test]
    fn a_leap_second_is_accepted_where_there_can_be_one_and_is_the_last_millisecond_before_it() {
        for text in ["2026-12-31T23:59:60Z", "2026-06-30T23:59:60.5Z", "2027-01-01T01:59:60+02:00"] {
            let moment = Timestamp::parse_date_or_time(text).unwrap();
            assert!(moment.to_string().ends_with("T23:59:59.999Z"), "{text}: {moment}");
        }
        for text in ["2027-01-01T23:59:60Z", "2026-12-31T22:59:60Z", "2026-12-31T23:58:60Z", "2026-12-31T23:59:61Z"] {
            assert!(Timestamp::parse_date_or_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_timestamps_are_rejected() {
        for text in
            ["", "now", "2026-02-30", "2026-5-25", "2026-05-25T14:08:33", "1700000000", "2026-05-25 ", "+026-01-01"]
        {
            assert!(Timestamp::parse_date_or_time(text).is_err(), "{text:?} was accepted as a timestamp");
        }
    }

    #[test]
    fn a_blank_where_the_plus_of_an_offset_was_meant_is_named_as_that() {
        for text in ["2026-05-25T14:08:33 00:00", "2026-05-25T14:08:33.25 05:30", "2026-05-25 14:08:33 02:00"] {
            let error = Timestamp::parse_date_or_time(text).unwrap_err();
            assert_eq!(error, MalformedTimestamp::BlankForPlus, "{text:?}");
            assert!(error.to_string().contains("%2B"));
        }
        for text in ["2026-05-25 14:08:33", "2026-05-25T14:08:33 Z", "2026-05-25T14:08:33  02:00", " ", "now 02:00"] {
            let error = Timestamp::parse_date_or_time(text).unwrap_err();
            assert_eq!(error, MalformedTimestamp::NeitherDateNorTime, "{text:?}");
        }
    }

    #[test]
    fn a_number_of_milliseconds_is_clamped_to_the_years_1_to_9999() {
        for (millis, expected) in [(MIN - 1, MIN), (MIN, MIN), (MIN + 1, MIN + 1), (0, 0)] {
            assert_eq!(Timestamp::from_millis(millis).millis(), expected);
        }
        for (millis, expected) in [(MAX + 1, MAX), (MAX, MAX), (MAX - 1, MAX - 1)] {
            assert_eq!(Timestamp::from_millis(millis).millis(), expected);
        }
    }

    #[test]
    fn seconds_are_rounded_down() {
        for (millis, seconds) in [(1_999, 1), (2_000, 2), (0, 0), (-1, -1), (-1_000, -1), (-1_001, -2)] {
            assert_eq!(Timestamp::from_millis(millis).seconds(), seconds);
        }
    }

    #[test]
    fn the_time_since_a_later_timestamp_is_zero() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(1_750));
        assert_eq!(late.since(early), Duration::from_millis(750));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!([early.distance(late), late.distance(early)], [Duration::from_millis(750); 2]);
    }

    #[test]
    fn a_time_is_moved_behind_another_only_as_far_as_needed() {
        let at = Timestamp::from_millis;
        assert_eq!(at(1_000).later_than(at(998)), at(1_000));
        assert_eq!(at(1_000).later_than(at(999)), at(1_000));
        assert_eq!(at(1_000).later_than(at(1_000)), at(1_001));
        assert_eq!(at(1_000).later_than(at(5_000)), at(5_001));
        assert_eq!(at(1_000).later_than(Timestamp::MAX), Timestamp::MAX);
    }

    #[test]
    fn a_duration_moves_a_timestamp_and_stops_at_the_first_and_last_one() {
        let moment = Timestamp::from_millis(1_000);
        assert_eq!(moment + Duration::from_millis(250), Timestamp::from_millis(1_250));
        assert_eq!(moment - Duration::from_millis(250), Timestamp::from_millis(750));
        assert_eq!((moment + Duration::MAX, moment - Duration::MAX), (Timestamp::MAX, Timestamp::MIN));
    }

    #[test]
    fn every_leap_day_and_turn_of_a_year_is_written_correctly() {
        for text in [
            "0001-03-01T00:00:00.000Z",
            "0400-02-29T23:59:59.999Z",
            "1600-02-29T00:00:00.000Z",
            "1900-02-28T10:20:30.400Z",
            "1900-03-01T00:00:00.000Z",
            "2000-02-29T12:34:56.789Z",
            "2001-01-01T00:00:00.000Z",
            "2024-12-31T23:59:59.999Z",
        ] {
            assert_eq!(text.parse::<Timestamp>().map(|moment| moment.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn the_first_ulid_of_a_millisecond_follows_the_last_one_before_it() {
        let moment = Timestamp::from_millis(1_779_718_113_000);
        assert_eq!(moment.first_ulid().to_string(), "01KSFQEHQ80000000000000000");
        assert_eq!(moment.last_ulid_before().to_string(), "01KSFQEHQ7ZZZZZZZZZZZZZZZZ");
        assert_eq!(Timestamp::MIN.first_ulid(), Ulid::nil());
        assert_eq!(Timestamp::MIN.last_ulid_before(), Ulid::nil());
    }

    proptest! {
        #[test]
        fn every_timestamp_reads_back_as_itself(millis in MIN..=MAX) {
            let moment = Timestamp::from_millis(millis);
            prop_assert_eq!(moment.to_string().parse::<Timestamp>(), Ok(moment));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,40}") {
            let _ = Timestamp::parse_date_or_time(&text);
        }
    }
}
