//! Filters of lists: menus with the values that can be chosen, and the chosen ones as chips that can be removed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use kernel::{Column, ColumnType, Record};
use maud::{Markup, html};

use super::Register;
use crate::{
    components::Icon,
    words::{label, sentence, words},
};

/// The chosen values of each filter, by the filter's public name in the letter case of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChosenFilters(BTreeMap<String, Vec<String>>);

impl ChosenFilters {
    /// Reads the filters that the register has from the pairs of a query, in which a value may be several, separated by
    /// commas. Other names are left out.
    pub(crate) fn read(register: &Register, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let names: Vec<String> = columns(register).map(|(name, _)| name).collect();
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

    /// Whether nothing is chosen.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The filters as the query of an address, with a question mark, in the form of the API.
    #[must_use]
    pub(crate) fn query(&self) -> String {
        self.query_without(None)
    }

    fn query_without(&self, left_out: Option<&str>) -> String {
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

/// A name of the domain in the letter case of the API.
pub(super) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut camel, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        camel.push_str(&head.to_ascii_uppercase());
        camel.push_str(tail);
        camel
    })
}

/// The form with a menu for each filter.
pub(super) fn form(register: &Register, chosen: &ChosenFilters) -> Markup {
    html! {
        form.filters method="get" action=(register.path()) aria-label={ "Filter the " (register.nouns()) } {
            @for (name, column) in columns(register) { (menu(&name, column, chosen)) }
        }
    }
}

fn menu(name: &str, column: &Column, chosen: &ChosenFilters) -> Markup {
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

/// The chosen values, each with a link that removes it.
pub(super) fn chips(register: &Register, chosen: &ChosenFilters) -> Markup {
    if chosen.is_empty() {
        return html! {};
    }
    let path = register.path();
    html! {
        div.chips {
            span { "Showing" }
            @for (name, column) in columns(register).filter(|(name, _)| !chosen.values(name).is_empty()) {
                @let values: Vec<String> = chosen.values(&name).iter().map(|value| words(value)).collect();
                a.chip href={ (path) (chosen.query_without(Some(&name))) } {
                    (Icon::Close)
                    span { span.vh { "Remove: " } (label(column).to_lowercase()) " " (values.join(" or ")) }
                }
            }
            a href=(path) { "Clear all" }
        }
    }
}
