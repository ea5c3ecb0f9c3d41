//! The form with the choices about a table: the field of each column, and how values are read.

use maud::{Markup, html};

use crate::{
    components::{Field, Icon, Tone, card, form_token, note},
    registers::Register,
    tables::{Preview, TableFormat, TableImport},
    viewer::Viewer,
    words::{camel_case, label, with_article},
};

/// The word for a choice that is left to the file, and for one without which values with two meanings fail.
const AS_FOUND: &str = "As found";
const NOT_SAID: &str = "Not said";

/// The form with the choices. The import stands in it, so that it is sent with the choices that the page shows.
pub(super) fn options(viewer: &Viewer, register: &Register, import: &TableImport, start: &Markup) -> Markup {
    html! {
        form.stack method="post" action={ "/app/import/" (import.id) } novalidate {
            (form_token(viewer))
            @if !import.preview.columns.is_empty() { (columns(register, &import.preview)) }
            (reading(viewer, import))
            (start)
        }
    }
}

/// The field with the word that pages have for it.
fn titled(register: &Register, field: &str) -> String {
    let column = register.columns.iter().find(|column| {
        let name = camel_case(column.label);
        name == field || name.strip_suffix("Id").is_some_and(|name| field.strip_suffix("Key") == Some(name))
    });
    column.map_or_else(|| field.to_owned(), |column| format!("{} ({field})", label(column)))
}

fn columns(register: &Register, preview: &Preview) -> Markup {
    let Preview { columns, fields, missing_fields, needed_fields, .. } = preview;
    let fields: Vec<(&String, String)> = fields.iter().map(|field| (field, titled(register, field))).collect();
    let titles = |names: &[String]| names.iter().map(|name| titled(register, name)).collect::<Vec<_>>().join(", ");
    let others: Vec<String> = missing_fields.iter().filter(|field| !needed_fields.contains(field)).cloned().collect();
    let needed = format!(
        "Choose their columns, or add them to the table: {} that is not there yet can't be created without. Rows of records \
         that exist keep what is stored.",
        with_article(&register.noun())
    );
    card(
        "columns",
        "Columns",
        &html! {},
        &html! {
            @if !needed_fields.is_empty() {
                div.body { (note(Tone::Warning, &format!("No column has {}.", titles(needed_fields)), &needed)) }
            }
            div.tbl role="group" aria-label="Columns" tabindex="0" {
                table.cards.plain role="table" {
                    caption.vh { "Columns" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Column" }
                            th.p.w-title scope="col" role="columnheader" { "Header" }
                            th scope="col" role="columnheader" { "Values" }
                            th scope="col" role="columnheader" { "Becomes" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for (index, column) in columns.iter().enumerate() {
                            @let name = format!("column{index}");
                            tr role="row" {
                                td role="cell" data-l="Column" { (column.letters) }
                                th.p.w-title.any scope="row" role="rowheader" { @if column.header.is_empty() { span.muted { "No header" } } @else { (column.header) } }
                                td.any.small role="cell" data-l="Values" { @if column.values.is_empty() { span.muted { "None" } } @else { (column.values.join(" · ")) } }
                                td role="cell" data-l="Becomes" {
                                    label.vh for=(name) { "Column " (column.letters) " becomes" }
                                    select.in.sm id=(name) name=(name) {
                                        option value="" selected[column.field.is_none()] { "Left out" }
                                        @for (field, title) in &fields { option value=(field) selected[column.field.as_ref() == Some(*field)] { (title) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if !others.is_empty() {
                footer.soft { "Without a column: " (titles(&others)) ". A record that exists keeps them." }
            }
        },
    )
}

fn reading(viewer: &Viewer, import: &TableImport) -> Markup {
    let chosen = &import.options;
    let field = |name, label, hint| Field { name, label, hint, error: None, optional: true };
    let words = |values: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        values.iter().map(|(value, word)| (*value, (*word).to_owned())).collect()
    };
    let orders = words(&[("dmy", "Day, month, year"), ("mdy", "Month, day, year"), ("ymd", "Year, month, day")]);
    let marks = words(&[("point", "Point: 94.5"), ("comma", "Comma: 94,5")]);
    let percents = words(&[("as-shown", "As shown: 4.5% is 4.5"), ("as-fraction", "As fractions: 4.5% is 0.045")]);
    let delimiters = words(&[("comma", "Comma"), ("semicolon", "Semicolon"), ("tab", "Tab"), ("pipe", "Vertical bar")]);
    let encodings = words(&[("utf-8", "UTF-8"), ("windows-1252", "Windows-1252"), ("utf-16le", "UTF-16")]);
    let zone = format!("For dates such as 3/4/2026. Times without an offset are those of {}.", viewer.zone.name());
    card(
        "reading",
        "How the table is read",
        &html! {},
        &html! {
            div.body {
                div.pair {
                    (field("dateOrder", "Order of dates", &zone).select_or(NOT_SAID, &orders, &chosen.date_order))
                    (field("decimalMark", "Decimal mark", "For numbers such as 1,234.").select_or(NOT_SAID, &marks, &chosen.decimal_mark))
                    (field("percent", "Percentages", "").select_or(NOT_SAID, &percents, &chosen.percent))
                    (field("headerRow", "Row of the header", "The first row that is not blank, unless you say another.").input("text", "short", &chosen.header_row))
                    @if import.format == TableFormat::Csv {
                        (field("delimiter", "Delimiter", "").select_or(AS_FOUND, &delimiters, &chosen.delimiter))
                        (field("encoding", "Encoding", "").select_or(AS_FOUND, &encodings, &chosen.encoding))
                    } @else {
                        (field("sheet", "Sheet", "The name of the sheet, if several have rows.").input("text", "short", &chosen.sheet))
                    }
                }
                (field("values", "Values that stand for others", "One on each line: status:Open=identified reads Open as identified.").area(3, &chosen.values))
                div.row { button.btn { (Icon::Replay) "Check again" } }
            }
        },
    )
}
