//! The choices of a person about a table: the field of each column, and how values are read.

use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use crate::{
    pages::form_texts::FormTexts,
    response::redirect,
    services::ConsoleServices,
    tables::{TableImport, TableOptions},
};

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
        tables.preview(organization, id, options(&texts, &import)).await?;
        let reason: String = text(&texts, "reason").chars().take(MAX_REASON).collect();
        let reason: String = form_urlencoded::byte_serialize(reason.as_bytes()).collect();
        let query = if reason.is_empty() { String::new() } else { format!("?reason={reason}") };
        Ok(redirect(&format!("/app/import/{id}{query}")))
    })
}

/// Whether a form has the choices with which the table was checked.
pub(super) fn are_checked(texts: &FormTexts, import: &TableImport) -> bool {
    let has_columns =
        import.preview.columns.iter().zip(columns(texts, import)).all(|(checked, chosen)| checked.field == chosen);
    let chosen = TableOptions { columns: import.options.columns.clone(), ..options(texts, import) };
    has_columns && chosen == import.options
}

/// The choices of a form.
pub(super) fn options(texts: &FormTexts, import: &TableImport) -> TableOptions {
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
