//! Filters of lists: menus with the values that can be chosen, and the chosen ones as chips that can be removed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use kernel::{Column, ColumnType, Record};
use maud::{Markup, html};

use super::Register;
use crate::{
    words::{camel_case, label, sentence},
    zone::Zone,
};

/// The name of the order, which is kept with the filters.
pub(super) const ORDER: &str = "order";

/// The time after which every record was changed.
pub(super) const EARLIEST: &str = "1970-01-01T00:00:00.000Z";

/// The ranges of times that lists can be filtered by, with their labels.
const ALL_TIMES: [(&str, &str); 6] = [
    ("dueAfter", "Due on or after"),
    ("dueBefore", "Due before"),
    ("updatedAfter", "Changed on or after"),
    ("updatedBefore", "Changed before"),
    ("createdAfter", "Recorded on or after"),
    ("createdBefore", "Recorded before"),
];

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

/// The menu of the filter by a column.
pub(super) fn menu(name: &str, column: &Column, chosen: &ChosenFilters) -> Markup {
    let values = chosen.values(name);
    let title = label(column);
    html! {
        details.pop.set[!values.is_empty()] name="pop" {
            summary {
                (title)
                @if !values.is_empty() { ": " span.v { (values.iter().map(|value| sentence(value)).collect::<Vec<_>>().join(", ")) } }
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
                        input.in.sm id=(id) name=(name) type="text" value=(values.join(",")) autocomplete="off" spellcheck="false";
                    }
                }
                div.apply { button.btn.sm.primary { "Apply" } }
            }
        }
    }
}

/// The ranges of times of this register: those of due dates only if its records have them.
pub(super) fn times(register: &Register) -> impl Iterator<Item = (&'static str, &'static str)> {
    let has_due_date = register.due_date.is_some();
    ALL_TIMES.into_iter().filter(move |(name, _)| has_due_date || !name.starts_with("due"))
}
