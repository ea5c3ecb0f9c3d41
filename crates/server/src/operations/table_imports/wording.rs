//! Messages of imports in the words of the page, which has fields where the command has options.

/// Options of the command, with the words of the page. Longer ones come before those that they begin with.
const WORDS: [(&str, &str); 14] = [
    ("--map-value ", "“Values that stand for others” "),
    ("--date-format dmy", "“Order of dates”: day, month, year"),
    ("--date-format mdy", "“Order of dates”: month, day, year"),
    ("--date-format ymd", "“Order of dates”: year, month, day"),
    ("--date-format", "“Order of dates”"),
    ("--decimal point", "“Decimal mark”: point"),
    ("--decimal comma", "“Decimal mark”: comma"),
    ("--percent as-shown", "“Percentages”: as shown"),
    ("--percent as-fraction", "“Percentages”: as fractions"),
    ("--encoding utf-16le", "“Encoding”: UTF-16"),
    ("--encoding windows-1252", "“Encoding”: Windows-1252"),
    ("--encoding", "“Encoding”"),
    ("--sheet", "“Sheet”"),
    ("--header-row", "“Row of the header”"),
];

/// The message with the words of the page.
pub(super) fn for_page(message: &str) -> String {
    WORDS.iter().fold(message.to_owned(), |message, (option, words)| message.replace(option, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_command_become_fields_of_the_page() {
        let message =
            "identifiedAt (column C): is ambiguous; name the order with --date-format dmy or --date-format mdy";
        assert_eq!(
            for_page(message),
            "identifiedAt (column C): is ambiguous; name the order with “Order of dates”: day, month, year or “Order of \
             dates”: month, day, year"
        );
    }
}
