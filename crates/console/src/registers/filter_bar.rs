//! The bar above a list: the menus of filters, the order, the height of rows, and the chosen filters as chips.

use kernel::{Column, Timestamp};
use maud::{Markup, html};

use super::{
    ChosenFilters, FilterNames, Register,
    filters::{EARLIEST, ORDER, columns, menu, shown_value, times},
    references::people_list,
};
use crate::{
    components::{Icon, form_token},
    viewer::Viewer,
    words::{label, words},
    zone::Zone,
};

/// The bar above a list of this register. `names` are those of what the filters name.
pub(crate) fn filter_bar(
    viewer: &Viewer,
    register: &Register,
    chosen: &ChosenFilters,
    names: &FilterNames,
    now: Timestamp,
) -> Markup {
    let order = chosen.value(ORDER);
    html! {
        div.stack {
            form.filters method="get" action=(register.path()) aria-label={ "Filter the " (register.nouns()) } {
                @for (name, column) in columns(register).filter(|(name, column)| has_menu(column, chosen.values(name))) { (menu(&name, column, chosen, names)) }
                (people_list(&names.people))
                @if register.due_date.is_some() { (due_menu(&viewer.zone, register, chosen, now)) }
                (time_menu(&viewer.zone, register, chosen))
                @if let Some(order) = order { input type="hidden" name=(ORDER) value=(order); }
                span.push.row { (order_menu(register, chosen)) (row_heights(viewer)) }
            }
            (chips(viewer, register, chosen, names))
        }
        (rows_form(viewer, register, chosen))
    }
}

/// Whether the filter has a menu. The jump box finds keys, and owners of other systems are rare; addresses may name both.
fn has_menu(column: &Column, chosen: &[String]) -> bool {
    !chosen.is_empty() || (column.key.is_none() && !column.label.ends_with("_responsibility_id"))
}

/// Due dates by what is usual, and by any day.
fn due_menu(zone: &Zone, register: &Register, chosen: &ChosenFilters, now: Timestamp) -> Markup {
    let path = register.path();
    let rest = chosen.without(&["dueAfter", "dueBefore"]);
    let moment = now.to_string();
    let within = |days: i64| (Timestamp::from_millis(now.millis() + days * 24 * 60 * 60 * 1000)).to_string();
    let presets = [
        ("Overdue", rest.with("dueBefore", &moment)),
        ("In the next 7 days", rest.with("dueAfter", &moment).with("dueBefore", &within(7))),
        ("In the next 30 days", rest.with("dueAfter", &moment).with("dueBefore", &within(30))),
    ];
    let is_set = chosen.value("dueAfter").is_some() || chosen.value("dueBefore").is_some();
    html! {
        details.pop.set[is_set] name="pop" {
            summary { "Due" }
            div.sheet {
                @for (title, filters) in presets { a href={ (path) (filters.query()) } { (title) } }
                hr;
                (time_field(zone, chosen, "dueAfter", "Due on or after"))
                (time_field(zone, chosen, "dueBefore", "Due before"))
                div.apply { button.btn.sm.primary { "Apply" } }
            }
        }
    }
}

fn time_menu(zone: &Zone, register: &Register, chosen: &ChosenFilters) -> Markup {
    let names = || times(register).filter(|(name, _)| !name.starts_with("due"));
    let is_set = names().any(|(name, _)| chosen.value(name).is_some_and(|value| value != EARLIEST));
    html! {
        details.pop.set[is_set] name="pop" {
            summary { "Time" }
            div.sheet {
                @for (name, title) in names() { (time_field(zone, chosen, name, title)) }
                div.apply { button.btn.sm.primary { "Apply" } }
            }
        }
    }
}

fn time_field(zone: &Zone, chosen: &ChosenFilters, name: &str, title: &str) -> Markup {
    let time = chosen.value(name).filter(|value| *value != EARLIEST).and_then(|value| value.parse().ok());
    let day = time.map_or_else(String::new, |time| zone.input_date(time));
    let id = format!("f-{name}");
    html! {
        div.f {
            label for=(id) { (title) " " span.opt { "(optional)" } }
            input.in.sm id=(id) name=(name) type="date" value=(day);
        }
    }
}

fn order_menu(register: &Register, chosen: &ChosenFilters) -> Markup {
    let path = register.path();
    let newest = chosen.without(&[ORDER]);
    let newest =
        if newest.value("updatedAfter") == Some(EARLIEST) { newest.without(&["updatedAfter"]) } else { newest };
    let mut options = vec![
        (order_title(None), newest.query()),
        (order_title(Some("updated")), newest.with(ORDER, "updated").query()),
    ];
    if register.due_date.is_some() {
        options.push((order_title(Some("due")), newest.with(ORDER, "due").query()));
    }
    html! {
        details.pop.set.right.calm name="pop" {
            summary { "Order: " span.v { (order_title(chosen.value(ORDER))) } }
            div.sheet { @for (title, query) in options { a href={ (path) (query) } { (title) } } }
        }
    }
}

/// The word for an order of the API.
pub(crate) fn order_title(order: Option<&str>) -> &'static str {
    match order {
        Some("updated") => "Longest unchanged",
        Some("due") => "Due soonest",
        _ => "Newest",
    }
}

/// The buttons for the height of rows, which belong to a form below, since forms can't be nested.
fn row_heights(viewer: &Viewer) -> Markup {
    let current = |is_current: bool| is_current.then_some("true");
    html! {
        span.seg role="group" aria-label="Row height" {
            button form="rows" name="rows" value="comfortable" aria-pressed=[current(!viewer.has_compact_rows)] {
                (Icon::ComfortableRows) span.vh { "Comfortable rows" }
            }
            button form="rows" name="rows" value="compact" aria-pressed=[current(viewer.has_compact_rows)] {
                (Icon::CompactRows) span.vh { "Compact rows" }
            }
        }
    }
}

fn rows_form(viewer: &Viewer, register: &Register, chosen: &ChosenFilters) -> Markup {
    html! {
        form #rows method="post" action="/app/rows" hidden {
            (form_token(viewer))
            input type="hidden" name="next" value={ (register.path()) (chosen.query()) };
        }
    }
}

/// The chosen values, each with a link that removes it.
fn chips(viewer: &Viewer, register: &Register, chosen: &ChosenFilters, names: &FilterNames) -> Markup {
    if chosen.is_empty() {
        return html! {};
    }
    let path = register.path();
    html! {
        div.chips {
            span { "Showing" }
            @for (name, text) in chosen_texts(viewer, register, chosen, names) {
                a.chip href={ (path) (chosen.query_without(Some(&name))) } { (Icon::Close) span { span.vh { "Remove: " } (text) } }
            }
            a href=(path) { "Clear all" }
        }
    }
}

/// The chosen filters, each with its name and with words for it: "severity critical or high".
pub(super) fn chosen_texts(
    viewer: &Viewer,
    register: &Register,
    chosen: &ChosenFilters,
    names: &FilterNames,
) -> Vec<(String, String)> {
    let of_columns = columns(register).filter_map(|(name, column)| {
        let values: Vec<String> = chosen.values(&name).iter().map(|value| shown_chip(value, names)).collect();
        (!values.is_empty()).then(|| (name, format!("{} {}", label(column).to_lowercase(), values.join(" or "))))
    });
    let of_times = times(register).filter_map(|(name, title)| {
        let value = chosen.value(name).filter(|value| *value != EARLIEST)?;
        let day = value.parse().map_or_else(|_| value.to_owned(), |time| viewer.zone.input_date(time));
        Some((name.to_owned(), format!("{} {day}", title.to_lowercase())))
    });
    of_columns.chain(of_times).collect()
}

/// A value within a sentence: names of the API in small letters.
fn shown_chip(value: &str, names: &FilterNames) -> String {
    let shown = shown_value(value, names);
    if shown.to_lowercase() == words(value).to_lowercase() { words(value) } else { shown }
}
