//! The rows of a table that fail. Rows with the same fault stand together.

use maud::{Markup, html};

use crate::{
    components::{Icon, card},
    tables::{Fault, MAX_FAULTS, Outcome, TableImport},
    words::counted,
};

/// The number of rows that are named of those with the same fault.
const NAMED_ROWS: usize = 5;

/// The card with the rows that fail, if any do.
pub(super) fn faults(import: &TableImport, outcome: &Outcome) -> Markup {
    if outcome.failed == 0 {
        return html! {};
    }
    let more = html! {
        a.btn.sm href={ "/app/import/" (import.id) "/failed-rows" } download { (Icon::Download) "Download these rows" }
    };
    card(
        "faults",
        &counted(outcome.failed, "row fails", "rows fail"),
        &more,
        &html! {
            div.tbl role="group" aria-label="Rows that fail" tabindex="0" {
                table.cards.plain role="table" {
                    caption.vh { "Rows that fail" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Row" }
                            th scope="col" role="columnheader" { "Key" }
                            th.p scope="col" role="columnheader" { "What to correct" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for same in grouped(&outcome.faults) {
                            tr role="row" {
                                th scope="row" role="rowheader" data-l="Row" { (rows(&same)) }
                                td role="cell" data-l="Key" { @if let [Fault { key: Some(key), .. }] = &same[..] { span.key { (key) } } }
                                td.p.any role="cell" { (same[0].message) }
                            }
                        }
                    }
                }
            }
            @if outcome.failed > outcome.faults.len() {
                footer { (MAX_FAULTS) " of them are shown, those with a rare fault first. The download has all of them, with the reasons in its last column." }
            }
        },
    )
}

/// The faults with the same message together, in the order in which the first of each comes. None of them is empty.
fn grouped(faults: &[Fault]) -> Vec<Vec<&Fault>> {
    let mut groups: Vec<Vec<&Fault>> = Vec::new();
    for fault in faults {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.message == fault.message)) {
            Some(group) => group.push(fault),
            None => groups.push(vec![fault]),
        }
    }
    groups
}

/// The numbers of the rows, or the first of them.
fn rows(faults: &[&Fault]) -> String {
    let named: Vec<String> = faults.iter().take(NAMED_ROWS).map(|fault| fault.row.to_string()).collect();
    match faults.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
