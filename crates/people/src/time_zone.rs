//! The time zones that people see times in.

use jiff::tz::TimeZone;
use kernel::RecordKey;

/// Returns the name of the IANA time zone in the spelling of the database, whatever its case in `text`; `None` if there is
/// no such zone, so that no time could be shown in it.
#[must_use]
pub fn parse_time_zone(text: &str) -> Option<RecordKey> {
    let zone = TimeZone::get(text).ok().filter(|zone| !zone.is_unknown())?;
    RecordKey::parse(zone.iana_name()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_one_that_exists_in_the_spelling_of_the_database() {
        let name = |text| parse_time_zone(text).map(|zone| zone.to_string());
        for (text, expected) in [
            ("UTC", "UTC"),
            ("America/Denver", "America/Denver"),
            ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
            ("Etc/GMT+5", "Etc/GMT+5"),
        ] {
            assert_eq!(name(text).as_deref(), Some(expected));
        }
        for unknown in
            ["", "Denver", "Atlantis/Capital", "Etc/Unknown", "+01:00", "America/", "Mars/../UTC", "Europe/Köln"]
        {
            assert_eq!(name(unknown), None, "{unknown:?}");
        }
    }
}
