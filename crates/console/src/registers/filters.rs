//! Filters of lists: menus with the values that can be chosen, and the chosen ones as chips that can be removed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use kernel::{Column, ColumnType, Record, Severity, Timestamp};
use maud::{Markup, html};

use super::{RecordName, RecordNames, Register, is_person, references::PEOPLE};
use crate::{
    words::{camel_case, field_label, label, sentence, snake_case},
    zone::Zone,
};

/// The name of the order, which is kept with the filters.
pub(super) const ORDER: &str = "order";

/// The time after which every record was changed.
pub(super) const EARLIEST: &str = "1970-01-01T00:00:00.000Z";

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The ranges of times that lists can be filtered by, with their labels.
const ALL_TIMES: [(&str, &str); 6] = [
    ("dueAfter", "Due on or after"),
    ("dueBefore", "Due before"),
    ("updatedAfter", "Changed on or after"),
    ("updatedBefore", "Changed before"),
    ("createdAfter", "Recorded on or after"),
    ("createdBefore", "Recorded before"),
];

/// The label of a field or a filter of the API, whose name is in its letter case: "Due before" for `dueBefore`.
pub(crate) fn parameter_label(name: &str) -> String {
    let time = ALL_TIMES.iter().find(|(time, _)| *time == name).map(|(_, title)| (*title).to_owned());
    time.unwrap_or_else(|| field_label(&snake_case(name)))
}

/// The names of the records and people that filters name.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterNames {
    /// The people whom a filter by a person offers.
    pub(crate) people: Vec<RecordName>,
    /// The names of the chosen values.
    pub(crate) chosen: RecordNames,
}

impl FilterNames {
    fn get(&self, id: &str) -> Option<&RecordName> {
        self.people.iter().find(|person| person.id == id).or_else(|| self.chosen.get(id))
    }
}

/// The chosen values of each filter, by the filter's public name in the letter case of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChosenFilters(BTreeMap<String, Vec<String>>);

impl ChosenFilters {
    /// Reads the filters that the register has from the pairs of a query, in which a value may be several, separated by
    /// commas. Other names are left out.
    pub(crate) fn read(register: &Register, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut names: Vec<String> = columns(register).map(|(name, _)| name).collect();
        names.extend(times(register).map(|(name, _)| name.to_owned()));
        names.push(ORDER.to_owned());
        let mut chosen: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, values) in pairs.into_iter().filter(|(name, _)| names.contains(name)) {
            let values = values.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned);
            let of_name = chosen.entry(name).or_default();
            for value in values {
                if !of_name.contains(&value) {
                    of_name.push(value);
                }
            }
        }
        chosen.retain(|_, values| !values.is_empty());
        Self(chosen)
    }

    /// Reads the filters that the register has from the query of an address.
    #[must_use]
    pub(crate) fn read_query(register: &Register, query: &str) -> Self {
        Self::read(register, form_urlencoded::parse(query.as_bytes()).into_owned())
    }

    /// Returns what is wrong with the first value that its filter does not accept.
    #[must_use]
    pub(crate) fn fault(&self, register: &Register) -> Option<String> {
        let of_columns = columns(register).flat_map(|(name, column)| {
            let faults = self.values(&name).iter().filter_map(|value| (column.parse)(value).err());
            faults.map(|message| format!("{name} {message}")).collect::<Vec<_>>()
        });
        let is_time = |value: &str| days_from_now(value).is_some() || value.parse::<Timestamp>().is_ok();
        let of_times = ALL_TIMES
            .iter()
            .filter(|(name, _)| self.values(name).iter().any(|value| !is_time(value)))
            .map(|(name, _)| format!("{name} is not a time"));
        let is_order = |order: &String| order == "updated" || (order == "due" && register.due_date.is_some());
        let of_order =
            self.values(ORDER).iter().filter(|order| !is_order(order)).map(|_| "order is unknown".to_owned());
        of_columns.chain(of_times).chain(of_order).next()
    }

    /// Whether one of the filters is a range of times.
    #[must_use]
    pub(crate) fn has_times(&self) -> bool {
        ALL_TIMES.iter().any(|(name, _)| self.value(name).is_some_and(|value| value != EARLIEST))
    }

    /// The same filters with times that move along with the clock: whole days before or after `now`.
    #[must_use]
    pub(crate) fn moving(&self, now: Timestamp) -> Self {
        self.with_times(|value| {
            let time: Timestamp = value.parse().ok()?;
            let days = (time.millis() - now.millis() + DAY / 2).div_euclid(DAY);
            Some(if days == 0 { "now".to_owned() } else { format!("now{days:+}d") })
        })
    }

    /// The same filters with the moments that their moving times are at `now`.
    #[must_use]
    pub(crate) fn at(&self, now: Timestamp) -> Self {
        self.with_times(|value| {
            let days = days_from_now(value)?;
            Some(Timestamp::from_millis(now.millis() + days * DAY).to_string())
        })
    }

    fn with_times(&self, replace: impl Fn(&str) -> Option<String>) -> Self {
        let mut filters = self.clone();
        for (name, _) in ALL_TIMES {
            let replaced = filters.value(name).filter(|value| *value != EARLIEST).and_then(&replace);
            if let Some(replaced) = replaced {
                filters = filters.with(name, &replaced);
            }
        }
        filters
    }

    /// The values of the filter with this name.
    #[must_use]
    pub(crate) fn values(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether no filter is chosen.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|(name, values)| name == ORDER || values.iter().all(|value| value == EARLIEST))
    }

    /// The value of the filter with this name, if it has just one.
    #[must_use]
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        if let [value] = self.values(name) { Some(value) } else { None }
    }

    /// The same filters with this value instead of those that the name had.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut filters = self.clone();
        filters.0.insert(name.to_owned(), vec![value.to_owned()]);
        filters
    }

    /// The same filters with these values instead of those that the name had.
    #[must_use]
    pub(crate) fn with_values(&self, name: &str, values: Vec<String>) -> Self {
        let mut filters = self.clone();
        filters.0.insert(name.to_owned(), values);
        filters
    }

    /// The same filters without those with these names.
    #[must_use]
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.map(|(name, values)| (name.clone(), values.clone())).collect())
    }

    /// The same filters with the moments at which the days begin that a form states for times. Whether any did is the
    /// second result.
    #[must_use]
    pub(crate) fn with_moments(&self, zone: &Zone) -> (Self, bool) {
        let mut filters = self.clone();
        let mut is_changed = false;
        for (name, _) in ALL_TIMES {
            let day = filters.value(name).filter(|value| value.len() == 10).map(str::to_owned);
            if let Some(Ok(moment)) = day.map(|day| zone.parse_input(&day)) {
                filters = filters.with(name, &moment.to_string());
                is_changed = true;
            }
        }
        // The order by the time of the last change needs a range.
        let is_by_change = filters.value(ORDER) == Some("updated");
        if is_by_change && filters.value("updatedAfter").is_none() && filters.value("updatedBefore").is_none() {
            filters = filters.with("updatedAfter", EARLIEST);
            is_changed = true;
        }
        (filters, is_changed)
    }

    /// The filters as the query of an address, with a question mark, in the form of the API.
    #[must_use]
    pub(crate) fn query(&self) -> String {
        self.query_without(None)
    }

    pub(super) fn query_without(&self, left_out: Option<&str>) -> String {
        let pairs = self.0.iter().filter(|(name, _)| Some(name.as_str()) != left_out);
        let query: Vec<String> = pairs.map(|(name, values)| format!("{name}={}", encoded(values))).collect();
        if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
    }
}

/// The days between now and a moving time: 7 for `now+7d`.
fn days_from_now(value: &str) -> Option<i64> {
    match value.strip_prefix("now")? {
        "" => Some(0),
        days if days.starts_with(['+', '-']) => {
            days.strip_suffix('d')?.parse().ok().filter(|days: &i64| days.unsigned_abs() < 100_000)
        }
        _ => None,
    }
}

/// The values, separated by commas, as a part of a query.
fn encoded(values: &[String]) -> String {
    let encode = |value: &String| form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    values.iter().map(encode).collect::<Vec<_>>().join(",")
}

/// The columns that lists can be filtered by, with the names of their filters in the letter case of the API.
pub(super) fn columns(register: &Register) -> impl Iterator<Item = (String, &'static Column)> {
    register.columns.iter().filter_map(|column| Some((camel_case(column.filter?.label), column)))
}

/// The name of the filter by the column at this position. It lives as long as the process.
pub(crate) fn filter_name<R: Record>(index: usize) -> &'static str {
    static NAMES: OnceLock<Mutex<BTreeMap<&'static str, &'static str>>> = OnceLock::new();
    let label = R::COLUMNS[index].filter.map_or(R::COLUMNS[index].label, |filter| filter.label);
    let mut names = NAMES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    names.entry(label).or_insert_with(|| camel_case(label).leak())
}

/// The menu of the filter by a column. `names` are those of what the filters name.
pub(super) fn menu(name: &str, column: &Column, chosen: &ChosenFilters, names: &FilterNames) -> Markup {
    let values = chosen.values(name);
    let title = label(column);
    let list = (is_person(column) && !names.people.is_empty()).then_some(PEOPLE);
    html! {
        details.pop.set[!values.is_empty()] name="pop" {
            summary {
                (title)
                @if !values.is_empty() { ": " span.v { (values.iter().map(|value| shown_value(value, names)).collect::<Vec<_>>().join(", ")) } }
            }
            div.sheet {
                @if let ColumnType::Name(names) = column.column_type {
                    fieldset {
                        legend.vh { (title) }
                        @for option in names {
                            @let id = format!("f-{name}-{option}");
                            div.check {
                                input type="checkbox" id=(id) name=(name) value=(option) checked[values.iter().any(|value| value == option)];
                                label for=(id) { (sentence(option)) }
                            }
                        }
                    }
                } @else {
                    @let id = format!("f-{name}");
                    div.f {
                        label for=(id) { (title) }
                        input.in.sm id=(id) name=(name) type="text" value=(typed_values(values, names)) list=[list] autocomplete="off" spellcheck="false";
                    }
                }
                div.apply { button.btn.sm.primary { "Apply" } }
            }
        }
    }
}

/// The values as they are typed: records by their keys, people by their email addresses.
fn typed_values(values: &[String], names: &FilterNames) -> String {
    let typed = values.iter().map(|value| names.get(value).map_or(value.as_str(), RecordName::input_text));
    typed.collect::<Vec<_>>().join(",")
}

/// A value as a reader knows it: a record by its key, a person by their name, names of the API as words, other texts as they are.
pub(super) fn shown_value(value: &str, names: &FilterNames) -> String {
    if let Some(name) = names.get(value) {
        return name.short_text().to_owned();
    }
    let is_name = value.chars().all(|letter| letter.is_ascii_lowercase() || matches!(letter, '_' | '-'));
    let is_severity = Severity::ALL.iter().any(|severity| severity.name() == value);
    if is_name || is_severity { sentence(value) } else { value.to_owned() }
}

/// The ranges of times of this register: those of due dates only if its records have them.
pub(super) fn times(register: &Register) -> impl Iterator<Item = (&'static str, &'static str)> {
    let has_due_date = register.due_date.is_some();
    ALL_TIMES.into_iter().filter(move |(name, _)| has_due_date || !name.starts_with("due"))
}

#[cfg(test)]
mod tests {
    use findings::Finding;

    use super::*;
    use crate::registers::register_of;

    fn chosen(query: &str) -> ChosenFilters {
        ChosenFilters::read_query(&register_of::<Finding>(), query)
    }

    #[test]
    fn only_filters_that_the_list_accepts_have_no_fault() {
        let fault = |query: &str| chosen(query).fault(&register_of::<Finding>());
        for query in
            ["", "status=open,closed&order=due", "dueBefore=2026-12-01T00:00:00.000Z", "dueAfter=now-7d&other=x"]
        {
            assert_eq!(fault(query), None, "{query}");
        }
        for query in ["status=gone", "order=title", "dueBefore=tomorrow", "dueAfter=now7d", "updatedAfter=now+9999999d"]
        {
            assert!(fault(query).is_some(), "{query}");
        }
    }

    #[test]
    fn moving_times_are_the_same_days_from_another_moment() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        let saved = chosen(
            "dueAfter=2026-11-24T10:00:00.000Z&dueBefore=2026-12-01T09:59:00.000Z&updatedAfter=1970-01-01T00:00:00.000Z",
        );
        let moving = saved.moving(time("2026-11-24T10:00:05.000Z"));
        assert_eq!(moving.query(), "?dueAfter=now&dueBefore=now%2B7d&updatedAfter=1970-01-01T00%3A00%3A00.000Z");
        let later = moving.at(time("2027-01-01T10:00:00.000Z"));
        assert_eq!(later.value("dueAfter"), Some("2027-01-01T10:00:00.000Z"));
        assert_eq!(later.value("dueBefore"), Some("2027-01-08T10:00:00.000Z"));
        assert_eq!(later.value("updatedAfter"), Some(EARLIEST));
        assert_eq!(later.moving(time("2027-01-01T10:00:01.000Z")), moving);
    }
}
