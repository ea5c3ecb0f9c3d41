//! The choices of a person about a table: the field of each column, and how values are read.

use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use crate::{pages::form_texts::FormTexts, response::redirect, services::ConsoleServices, tables::TableOptions};

/// The maximum length of a choice, in characters.
const MAX_LENGTH: usize = 20_000;

/// Handles the form: reads the table again with the choices.
pub(super) fn submit<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let (organization, id) = (request.principal()?.organization_ref(), request.path_id()?);
        let tables = &ConsoleServices::of(request)?.tables;
        let import = tables.find(organization.id, id).await?;
        let text = |name: &str| -> String {
            texts.0.get(name).map_or("", |text| text.trim()).chars().take(MAX_LENGTH).collect()
        };
        let chosen = (0..import.preview.columns.len()).map(|index| Some(text(&format!("column{index}"))));
        let columns: Vec<Option<String>> = chosen.map(|field| field.filter(|field| !field.is_empty())).collect();
        let before = &import.options;
        // Another sheet, delimiter or row of the header may have other columns, whose names are read anew.
        let is_other_table = [
            (&before.sheet, "sheet"),
            (&before.delimiter, "delimiter"),
            (&before.encoding, "encoding"),
            (&before.header_row, "headerRow"),
        ]
        .iter()
        .any(|(before, name)| **before != text(name));
        let options = TableOptions {
            columns: (!is_other_table && !columns.is_empty()).then_some(columns),
            date_order: text("dateOrder"),
            decimal_mark: text("decimalMark"),
            percent: text("percent"),
            delimiter: text("delimiter"),
            encoding: text("encoding"),
            sheet: text("sheet"),
            header_row: text("headerRow"),
            values: text("values"),
        };
        tables.preview(organization, id, options).await?;
        Ok(redirect(&format!("/app/import/{id}")))
    })
}
