//! Dates as spreadsheets write them.

use kernel::Timestamp;

use super::time_zone::TimeZone;

/// The order of the parts of a date such as 3/4/2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// The day, the month, the year.
    DayFirst,
    /// The month, the day, the year.
    MonthFirst,
    /// The year, the month, the day.
    YearFirst,
}

const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// 1899-12-30, which is the day 0 of spreadsheets for all days from 1900-03-01 on, in days since 1970.
const EPOCH_1900: i64 = -25_569;

/// 1904-01-01, the day 0 of the other date system.
const EPOCH_1904: i64 = -24_107;

/// The first day after the one that spreadsheets count although it was none, 1900-02-29.
const FIRST_REGULAR_SERIAL: f64 = 61.0;

/// The day after 9999-12-31.
const END: f64 = 2_958_466.0;

/// The time that a spreadsheet shows for a serial number, on a clock in UTC.
///
/// # Errors
/// The reason why it is none.
pub fn from_serial(serial: f64, is_1904: bool) -> Result<Timestamp, String> {
    if (0.0..1.0).contains(&serial) {
        return Err("is a time without a date".to_owned());
    }
    if !(1.0..END).contains(&serial) {
        return Err(format!("is displayed as a date, but its number {serial} is that of no day"));
    }
    let epoch = if is_1904 {
        EPOCH_1904
    } else if serial >= FIRST_REGULAR_SERIAL {
        EPOCH_1900
    } else if serial < FIRST_REGULAR_SERIAL - 1.0 {
        EPOCH_1900 + 1
    } else {
        return Err("is 1900-02-29, which was no day".to_owned());
    };
    // Less than 2⁵³.
    #[allow(clippy::cast_possible_truncation, reason = "the serial number is in range")]
    let millis = (serial * MILLIS_PER_DAY).round() as i64;
    Ok(Timestamp::from_millis(epoch * 86_400_000 + millis))
}

/// The serial number of a time in the usual date system; `None` before 1900-03-01, when spreadsheets have a wrong
/// calendar.
#[must_use]
pub fn to_serial(time: Timestamp) -> Option<f64> {
    let millis = time.millis() - EPOCH_1900 * 86_400_000;
    // Less than 2⁵³.
    #[allow(clippy::cast_precision_loss, reason = "all times are in range")]
    let serial = millis as f64 / MILLIS_PER_DAY;
    (serial >= FIRST_REGULAR_SERIAL && from_serial(serial, false) == Ok(time)).then_some(serial)
}

const SYNTAX: &str =
    "must be a date such as 2026-03-31 or 31.03.2026, possibly with a time such as 14:08:33 and an offset";

/// Reads a date, possibly with a time and an offset. Without an offset, it is in this zone.
///
/// # Errors
/// The reason why the text is none, or has two meanings.
pub(super) fn parse(text: &str, order: Option<DateOrder>, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(time) = Timestamp::parse_date_or_time(text) {
        let has_offset = text.contains(':');
        return if has_offset { Ok(time) } else { zone.moment(time) };
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.matches('.').count() < 2 {
        return Err(format!(
            "{SYNTAX}; {text} may be the number of a day in a spreadsheet: format the column as a date before you save it \
             as CSV"
        ));
    }
    let (date, time) = split(text);
    let date = date_text(date, order)?;
    if Timestamp::parse_date_or_time(&date).is_err() {
        return Err(format!("is {date}, and there is no such day"));
    }
    let (time, offset) = time_text(time).ok_or(SYNTAX)?;
    let written = format!("{date}T{time}{}", offset.as_deref().unwrap_or("Z"));
    let read = Timestamp::parse_date_or_time(&written).map_err(|_| SYNTAX.to_owned())?;
    if offset.is_some() { Ok(read) } else { zone.moment(read) }
}

/// Splits the text before its time, which begins with the hour.
fn split(text: &str) -> (&str, &str) {
    let Some(colon) = text.find(':') else { return (text, "") };
    let before = text.get(..colon).unwrap_or_default();
    let hour = before.trim_end_matches(|character: char| character.is_ascii_digit()).len();
    let date = text.get(..hour).unwrap_or_default();
    let date = date.strip_suffix('T').unwrap_or(date);
    (date.trim_end_matches([' ', ',']), text.get(hour..).unwrap_or_default())
}

/// The date in the form of RFC 3339.
fn date_text(date: &str, order: Option<DateOrder>) -> Result<String, String> {
    let separator = |character: char| matches!(character, '-' | '/' | '.' | ' ' | ',' | '\u{a0}');
    let parts: Vec<&str> = date.split(separator).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = parts[..] else { return Err(SYNTAX.to_owned()) };
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.len() <= 2);
    let is_year = |part: &str| part.len() == 4 && part.bytes().all(|digit| digit.is_ascii_digit());
    let (year, month, day) = if is_year(first) {
        (first, month_number(second).or_else(|| number(second)), number(third))
    } else if !is_year(third) {
        let has_short_year = parts.iter().all(|part| number(part).is_some() || month_number(part).is_some());
        return Err(if has_short_year {
            format!("must be a date whose year has four digits: {date} has not")
        } else {
            SYNTAX.to_owned()
        });
    } else if let Some(month) = month_number(first) {
        (third, Some(month), number(second))
    } else if let Some(month) = month_number(second) {
        (third, Some(month), number(first))
    } else {
        let (first, second) = (number(first).ok_or(SYNTAX)?, number(second).ok_or(SYNTAX)?);
        let (day, month) = ordered(date, first, second, order)?;
        (third, Some(month), Some(day))
    };
    let (Some(month), Some(day)) = (month, day) else { return Err(SYNTAX.to_owned()) };
    Ok(format!("{year}-{month:02}-{day:02}"))
}

/// The day and the month of a date that ends with its year.
fn ordered(date: &str, first: u32, second: u32, order: Option<DateOrder>) -> Result<(u32, u32), String> {
    let is_month = |number: u32| (1..=12).contains(&number);
    match order {
        Some(DateOrder::DayFirst) => Ok((first, second)),
        Some(DateOrder::MonthFirst) => Ok((second, first)),
        Some(DateOrder::YearFirst) => {
            Err(format!("does not begin with its year, as --date-format ymd demands: {date}"))
        }
        // With points, the day is first wherever this form is used.
        None if date.contains('.') || first == second || !is_month(first) => Ok((first, second)),
        None if !is_month(second) => Ok((second, first)),
        None => Err(format!(
            "is ambiguous: {date} is a day of {} or of {}; name the order with --date-format dmy or --date-format mdy",
            month_name(second),
            month_name(first),
        )),
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn month_name(number: u32) -> &'static str {
    number.checked_sub(1).and_then(|index| MONTHS.get(usize::try_from(index).ok()?)).copied().unwrap_or_default()
}

/// The number of a month by its English name or the first letters of it.
fn month_number(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let is_month = |month: &&str| name.len() >= 3 && month.to_ascii_lowercase().starts_with(&name);
    let index = MONTHS.iter().position(is_month).or_else(|| (name == "sept").then_some(8))?;
    u32::try_from(index + 1).ok()
}

/// The time and its offset, if it states one, in the form of RFC 3339.
fn time_text(time: &str) -> Option<(String, Option<String>)> {
    let time = time.trim();
    if time.is_empty() {
        return Some(("00:00:00".to_owned(), None));
    }
    let clock_length =
        time.find(|character: char| !matches!(character, '0'..='9' | ':' | '.' | ',')).unwrap_or(time.len());
    let (clock, rest) = time.split_at_checked(clock_length)?;
    let rest = rest.trim();
    let upper = rest.to_ascii_uppercase();
    let (half, offset) = match upper.get(..2) {
        Some(half @ ("AM" | "PM")) => (Some(half), rest.get(2..)?.trim()),
        _ => (None, rest),
    };
    let mut parts = clock.splitn(3, ':');
    let number = |part: Option<&str>| part?.parse::<u32>().ok().filter(|_| part.is_some_and(|part| part.len() <= 2));
    let (hour, minute) = (number(parts.next())?, number(parts.next())?);
    let seconds = parts.next().unwrap_or("00").replace(',', ".");
    let seconds =
        if seconds.split('.').next().is_some_and(|whole| whole.len() == 1) { format!("0{seconds}") } else { seconds };
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some("AM") => hour % 12,
        Some(_) => hour % 12 + 12,
    };
    let offset = match offset {
        "" => None,
        "Z" | "z" | "UTC" | "GMT" => Some("Z".to_owned()),
        offset => {
            let digits = offset.get(1..)?;
            let sign = offset.get(..1)?;
            Some(match (digits.len(), digits.split_once(':')) {
                (_, Some(_)) => offset.to_owned(),
                (2, None) => format!("{sign}{digits}:00"),
                (4, None) => format!("{sign}{}:{}", digits.get(..2)?, digits.get(2..)?),
                _ => return None,
            })
        }
    };
    Some((format!("{hour:02}:{minute:02}:{seconds}"), offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, order: Option<DateOrder>) -> String {
        parse(text, order, &TimeZone::default()).map_or_else(|error| error, |time| time.to_string())
    }

    #[test]
    fn a_date_without_an_offset_is_one_of_the_zone() {
        let zone = TimeZone::parse("America/New_York").unwrap();
        for (text, expected) in [
            ("2027-07-11", "2027-07-11T04:00:00.000Z"),
            ("11.07.2027", "2027-07-11T04:00:00.000Z"),
            ("July 11, 2027 2:30 PM", "2027-07-11T18:30:00.000Z"),
            ("2027-07-11T14:30", "2027-07-11T18:30:00.000Z"),
            ("2027-07-11T14:30:00Z", "2027-07-11T14:30:00.000Z"),
            ("2027-07-11 14:30 UTC", "2027-07-11T14:30:00.000Z"),
            ("2027-07-11 14:30 +0200", "2027-07-11T12:30:00.000Z"),
            ("2027-07-11T14:30:00+02:00", "2027-07-11T12:30:00.000Z"),
        ] {
            assert_eq!(parse(text, None, &zone).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn dates_and_times_are_read_as_spreadsheets_write_them() {
        for (text, expected) in [
            ("2026-03-31", "2026-03-31T00:00:00.000Z"),
            ("2026/3/31", "2026-03-31T00:00:00.000Z"),
            ("31.03.2026", "2026-03-31T00:00:00.000Z"),
            ("3.4.2026", "2026-04-03T00:00:00.000Z"),
            ("3/31/2026", "2026-03-31T00:00:00.000Z"),
            ("31/3/2026", "2026-03-31T00:00:00.000Z"),
            ("4/4/2026", "2026-04-04T00:00:00.000Z"),
            ("31-Mar-2026", "2026-03-31T00:00:00.000Z"),
            ("March 31, 2026", "2026-03-31T00:00:00.000Z"),
            ("1 Sept 2026", "2026-09-01T00:00:00.000Z"),
            ("2026-03-31 14:08", "2026-03-31T14:08:00.000Z"),
            ("2026-03-31T14:08:33", "2026-03-31T14:08:33.000Z"),
            ("31.03.2026 14:08:33.25", "2026-03-31T14:08:33.250Z"),
            ("3/31/2026, 2:08:33 PM", "2026-03-31T14:08:33.000Z"),
            ("3/31/2026 12:00 am", "2026-03-31T00:00:00.000Z"),
            ("2026-03-31 14:08+02:00", "2026-03-31T12:08:00.000Z"),
            ("2026-03-31 14:08:00 +0200", "2026-03-31T12:08:00.000Z"),
            ("2026-03-31 14:08 UTC", "2026-03-31T14:08:00.000Z"),
        ] {
            assert_eq!(parsed(text, None), expected, "{text}");
        }
    }

    #[test]
    fn a_date_with_two_meanings_is_refused_unless_the_order_is_named() {
        assert!(parsed("3/4/2026", None).contains("a day of April or of March; name the order with --date-format"));
        assert_eq!(parsed("3/4/2026", Some(DateOrder::DayFirst)), "2026-04-03T00:00:00.000Z");
        assert_eq!(parsed("3/4/2026", Some(DateOrder::MonthFirst)), "2026-03-04T00:00:00.000Z");
        assert_eq!(parsed("3.4.2026", Some(DateOrder::MonthFirst)), "2026-03-04T00:00:00.000Z");
        assert!(parsed("3/4/2026", Some(DateOrder::YearFirst)).contains("does not begin with its year"));
        assert_eq!(parsed("2026/3/4", Some(DateOrder::YearFirst)), "2026-03-04T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "31.02.2026",
            "2026-13-01",
            "32/1/2026",
            "13/13/2026",
            "2026-03-31 25:00",
            "14:08",
            "1/2",
            "2026-03-31 13:00 PM",
            "2026-03-31 14:08 somewhere",
            "31.03.2026 x",
        ] {
            assert!(parse(text, None, &TimeZone::default()).is_err(), "{text}");
        }
        assert_eq!(parsed("2026-02-30", None), "is 2026-02-30, and there is no such day");
        assert_eq!(parsed("31.02.2026 14:08", None), "is 2026-02-31, and there is no such day");
        assert!(parsed("31.03.26", None).contains("four digits"));
        assert!(parsed("46112", None).contains("format the column as a date"));
    }

    #[test]
    fn serial_numbers_are_those_of_both_date_systems() {
        let time = |serial, is_1904| from_serial(serial, is_1904).map(|time| time.to_string());
        assert_eq!(time(46_112.0, false).as_deref(), Ok("2026-03-31T00:00:00.000Z"));
        assert_eq!(time(44_650.0, true).as_deref(), Ok("2026-03-31T00:00:00.000Z"));
        assert_eq!(time(46_112.589_270_833_333, false).as_deref(), Ok("2026-03-31T14:08:33.000Z"));
        assert_eq!(time(1.0, false).as_deref(), Ok("1900-01-01T00:00:00.000Z"));
        assert_eq!(time(59.0, false).as_deref(), Ok("1900-02-28T00:00:00.000Z"));
        assert_eq!(time(61.0, false).as_deref(), Ok("1900-03-01T00:00:00.000Z"));
        for none in [60.0, 60.5, 0.25, -1.0, 3e6, f64::NAN, f64::INFINITY] {
            assert!(from_serial(none, false).is_err(), "{none}");
        }
    }

    #[test]
    fn a_time_has_the_serial_number_that_is_read_as_the_same_time() {
        for text in
            ["1900-03-01T00:00:00Z", "2026-05-25T14:08:33.123Z", "2026-05-25T23:59:59.999Z", "9999-12-31T23:59:59.999Z"]
        {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(from_serial(to_serial(time).unwrap(), false), Ok(time), "{text}");
        }
        assert_eq!(to_serial("1900-02-28T23:59:59Z".parse().unwrap()), None);
        assert_eq!(to_serial(Timestamp::MIN), None);
    }
}
