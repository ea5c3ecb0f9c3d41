//! The choices of a person about a table: the field of each column, and how values are read.

use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Id;
use store::TableImportId;

use crate::{
    pages::{form_texts::FormTexts, viewer},
    response::redirect,
    services::ConsoleServices,
    tables::{TableImport, TableOptions, TakenOver},
    viewer::Viewer,
};

/// The beginning of the names of files with failed rows.
const FAILED_ROWS: &str = "failed-rows-";

/// The maximum length of a choice, in characters.
const MAX_LENGTH: usize = 20_000;

/// The maximum length of a reason, in characters.
const MAX_REASON: usize = 1000;

/// Handles the form: reads the table again with the choices. A reason that was typed already stays on the page.
pub(super) fn submit<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let (organization, id) = (request.principal()?.organization_ref(), request.path_id()?);
        let tables = &ConsoleServices::of(request)?.tables;
        let import = tables.find(organization.id, id).await?;
        tables.preview(organization, id, options(&viewer(request)?, &texts, &import)).await?;
        let reason: String = text(&texts, "reason").chars().take(MAX_REASON).collect();
        let reason: String = form_urlencoded::byte_serialize(reason.as_bytes()).collect();
        let query = if reason.is_empty() { String::new() } else { format!("?reason={reason}") };
        Ok(redirect(&format!("/app/import/{id}{query}")))
    })
}

/// The name of the file with the rows of an import that failed.
pub(super) fn name_of_failed_rows(id: Id<TableImportId>) -> String {
    format!("{FAILED_ROWS}{id}.csv")
}

/// The identifier of the import whose failed rows a file has, by its name. Browsers and spreadsheets change the end of it.
pub(super) fn source_of(file_name: &str) -> Option<Id<TableImportId>> {
    let (_, rest) = file_name.split_once(FAILED_ROWS)?;
    let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// The choices for the failed rows of an import: those of that import, as far as they do not concern the form of its file.
pub(super) fn taken_over(import: &TableImport) -> TableOptions {
    let columns = import.preview.columns.iter().map(|column| (column.header.clone(), column.field.clone()));
    TableOptions {
        columns: None,
        taken_over: Some(TakenOver { file_name: import.file_name.clone(), columns: columns.collect() }),
        delimiter: String::new(),
        encoding: String::new(),
        sheet: String::new(),
        header_row: String::new(),
        ..import.options.clone()
    }
}

/// Whether a form has the choices with which the table was checked.
pub(super) fn are_checked(viewer: &Viewer, texts: &FormTexts, import: &TableImport) -> bool {
    let has_columns =
        import.preview.columns.iter().zip(columns(texts, import)).all(|(checked, chosen)| checked.field == chosen);
    let chosen = TableOptions { columns: import.options.columns.clone(), ..options(viewer, texts, import) };
    has_columns && chosen == import.options
}

/// The choices of a form.
pub(super) fn options(viewer: &Viewer, texts: &FormTexts, import: &TableImport) -> TableOptions {
    let text = |name: &str| text(texts, name);
    let (columns, before) = (columns(texts, import), &import.options);
    // Another sheet, delimiter or row of the header may have other columns, whose names are read anew.
    let is_other_table = [
        (&before.sheet, "sheet"),
        (&before.delimiter, "delimiter"),
        (&before.encoding, "encoding"),
        (&before.header_row, "headerRow"),
    ]
    .iter()
    .any(|(before, name)| **before != text(name));
    TableOptions {
        columns: (!is_other_table && !columns.is_empty()).then_some(columns),
        taken_over: before.taken_over.clone(),
        zone: viewer.zone.name().to_owned(),
        date_order: text("dateOrder"),
        decimal_mark: text("decimalMark"),
        percent: text("percent"),
        delimiter: text("delimiter"),
        encoding: text("encoding"),
        sheet: text("sheet"),
        header_row: text("headerRow"),
        values: text("values"),
    }
}

/// The field of each column.
fn columns(texts: &FormTexts, import: &TableImport) -> Vec<Option<String>> {
    let chosen = (0..import.preview.columns.len()).map(|index| text(texts, &format!("column{index}")));
    chosen.map(|field| Some(field).filter(|field| !field.is_empty())).collect()
}

/// A choice, with the line ends that it had before a browser sent it.
fn text(texts: &FormTexts, name: &str) -> String {
    let text = texts.0.get(name).map_or("", |text| text.trim()).replace("\r\n", "\n");
    text.chars().take(MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use kernel::Ulid;

    use super::*;

    #[test]
    fn a_file_with_failed_rows_is_recognized_by_its_name_even_if_a_program_changes_the_end() {
        let id = Id::new(Ulid(7));
        let name = name_of_failed_rows(id);
        for name in
            [name.clone(), name.replace(".csv", " (1).csv"), name.replace(".csv", ".xlsx"), format!("copy of {name}")]
        {
            assert_eq!(source_of(&name), Some(id), "{name}");
        }
        for name in ["risks.csv", "failed-rows-.csv", "failed-rows.csv", "failed-rows-imp_1.csv"] {
            assert_eq!(source_of(name), None, "{name}");
        }
    }
}
