//! Cards, tables, lists of values, and the way through pages.

use std::borrow::Cow;

use maud::{Markup, html};

use super::Icon;

/// A card with a heading. `name` makes the identifier of the heading.
pub(crate) fn card(name: &str, title: &str, more: &Markup, body: &Markup) -> Markup {
    let id = format!("h-{name}");
    html! {
        section.card aria-labelledby=(id) {
            header { h2 id=(id) { (title) } @if !more.0.is_empty() { div.push.row { (more) } } }
            (body)
        }
    }
}

/// The column of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableColumn<'t> {
    pub(crate) title: Cow<'t, str>,
    /// The class of the heading and its cells: `p` for the title, `t2` and `gone` for what narrow screens leave out.
    pub(crate) class: &'t str,
}

/// A table whose rows become blocks on narrow screens. `rows` are `tr` elements.
pub(crate) fn table(label: &str, is_compact: bool, columns: &[TableColumn<'_>], rows: &Markup) -> Markup {
    html! {
        div.tbl role="group" aria-label=(label) tabindex="0" {
            table.cards.compact[is_compact] role="table" {
                caption.vh { (label) }
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in columns { th scope="col" class=(column.class) role="columnheader" { (column.title) } }
                    }
                }
                tbody role="rowgroup" { (rows) }
            }
        }
    }
}

/// The foot of a list: what it shows, and the links to the pages beside it.
pub(crate) fn pager(summary: &Markup, first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        nav.pager aria-label="Pages" {
            span { (summary) }
            span.row {
                @if let Some(href) = first { a.btn.sm href=(href) { (Icon::ChevronLeft) "First page" } }
                @if let Some(href) = next { a.btn.sm href=(href) { "Next page" (Icon::ChevronRight) } }
            }
        }
    }
}

/// A text with a button that copies it. `id` names the text in the page.
pub(crate) fn copyable(id: &str, text: &str, what: &str) -> Markup {
    html! {
        span.copyable {
            code id=(id) { (text) }
            button.copy type="button" data-copy=(id) { (Icon::Copy) span.vh { "Copy the " (what) } }
        }
    }
}
