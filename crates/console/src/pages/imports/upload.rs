//! The upload of a table: its form, and the file as it arrives. The token of the form comes before the file, which is
//! stored only if the token is right.

use auth::UserId;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::{ApiRequest, StreamedBody},
    response::{ApiResponse, Problem},
    streams::while_permitted,
};
use import::RecordKind;
use kernel::Id;
use store::TableImportId;

use super::{choices, start_page};
use crate::{
    pages::{
        form_texts::query_value,
        forms::is_importable,
        multipart::{Multipart, PartHead, check_token, read_without_files},
        viewer,
    },
    response::redirect,
    services::ConsoleServices,
    tables::{MAX_TABLE_BYTES, NewTable, TableFormat, TableOptions},
};

/// The room for the fields and the delimiters beside the file, in bytes.
const MAX_FIELDS: u64 = 16 * 1024;

/// The size of the parts in which the file is stored, in bytes.
const PART_SIZE: usize = 256 * 1024;

/// The maximum length of the name of a file, in characters.
const MAX_FILE_NAME: usize = 120;

/// The result of a form.
enum Received {
    /// The table is stored.
    Stored(Id<TableImportId>),
    /// The form has this fault, at the field with this name.
    Faulty { kind: String, field: &'static str, message: String },
}

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let kind = query_value(request, "kind").unwrap_or_default();
        start_page::respond(app, request, StatusCode::OK, &kind, None).await
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let Some(mut form) = Multipart::open(request, MAX_TABLE_BYTES + MAX_FIELDS)? else {
            read_without_files(request, MAX_FIELDS).await?;
            let fault = ("file", "Choose a file.");
            return start_page::respond(app, request, StatusCode::BAD_REQUEST, "", Some(fault)).await;
        };
        match while_permitted(app, request, receive(request, &mut form)).await? {
            Received::Stored(id) => {
                let organization = request.principal()?.organization_ref();
                let tables = &ConsoleServices::of(request)?.tables;
                let import = tables.find(organization.id, id).await?;
                // The failed rows of an import are read as that one was.
                let source = match choices::source_of(&import.file_name) {
                    Some(source) => tables.find(organization.id, source).await.ok(),
                    None => None,
                };
                let source = source.filter(|source| source.kind == import.kind);
                let options = source.map_or_else(TableOptions::default, |source| choices::taken_over(&source));
                let zone = viewer(request)?.zone.name().to_owned();
                tables.preview(organization, id, TableOptions { zone, ..options }).await?;
                Ok(redirect(&format!("/app/import/{id}")))
            }
            Received::Faulty { kind, field, message } => {
                start_page::respond(app, request, StatusCode::BAD_REQUEST, &kind, Some((field, &message))).await
            }
        }
    })
}

async fn receive(request: &ApiRequest, form: &mut Multipart<StreamedBody>) -> Result<Received, Problem> {
    let (mut is_own, mut kind) = (false, String::new());
    while let Some(PartHead { name, file_name, .. }) = form.next_part().await? {
        match name.as_str() {
            "formToken" => {
                check_token(request, &form.text(128).await?)?;
                is_own = true;
            }
            _ if !is_own => return Err(Problem::other_site()),
            "kind" => kind = form.text(64).await?,
            "file" => return receive_file(request, form, &kind, &file_name.unwrap_or_default()).await,
            _ => drop(form.text(1024).await?),
        }
    }
    let refused = || Received::Faulty { kind, field: "file", message: "Choose a file.".to_owned() };
    if is_own { Ok(refused()) } else { Err(Problem::other_site()) }
}

async fn receive_file(
    request: &ApiRequest,
    form: &mut Multipart<StreamedBody>,
    kind: &str,
    file_name: &str,
) -> Result<Received, Problem> {
    let faulty = |field, message: &str| Received::Faulty { kind: kind.to_owned(), field, message: message.to_owned() };
    let Some(record_kind) = RecordKind::from_name(kind).filter(|kind| is_importable(kind.kind)) else {
        return Ok(faulty("kind", "Choose what the rows of the table are."));
    };
    let Some(first) = next_part_of_file(form).await? else {
        let message =
            if file_name.is_empty() { "Choose a file." } else { "The file is empty. Choose one with a table." };
        return Ok(faulty("file", message));
    };
    if let Some(what) = other_content(&first) {
        let message = format!("This is {what}, not a table. Choose a file in CSV or an Excel workbook (.xlsx).");
        return Ok(faulty("file", &message));
    }
    let Some(format) = format_of(&first) else {
        return Ok(faulty(
            "file",
            "This is neither CSV nor an Excel workbook. Bundles, SARIF, OSCAL and CycloneDX are imported with the command novantra import.",
        ));
    };
    let principal = request.principal()?;
    let user: UserId = principal.user()?.caller.user.meta.id;
    let organization = principal.organization();
    let file_name = shown_name(file_name);
    let table = NewTable { organization, user, kind: record_kind.kind, format, file_name };
    let tables = &ConsoleServices::of(request)?.tables;
    let id = tables.begin(&table).await?;
    let stored = async {
        let (mut number, mut part) = (0, Some(first));
        while let Some(bytes) = part {
            tables.add_part(organization, id, number, bytes).await?;
            number += 1;
            part = next_part_of_file(form).await?;
        }
        Ok::<(), Problem>(())
    };
    if let Err(problem) = stored.await {
        // What is left of it expires.
        drop(tables.discard(organization, id).await);
        return Err(problem);
    }
    Ok(Received::Stored(id))
}

/// Receives a part of the file; `None` at its end.
async fn next_part_of_file(form: &mut Multipart<StreamedBody>) -> Result<Option<Bytes>, Problem> {
    let mut part = BytesMut::new();
    while part.len() < PART_SIZE {
        let Some(bytes) = form.next_bytes().await? else { break };
        part.extend_from_slice(&bytes);
    }
    Ok((!part.is_empty()).then(|| part.freeze()))
}

/// The usual content, other than a table, of a file that begins with these bytes; `None` if it has no mark of one.
fn other_content(first: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 13] = [
        (b"\x89PNG", "a picture (PNG)"),
        (b"\xff\xd8\xff", "a picture (JPEG)"),
        (b"GIF8", "a picture (GIF)"),
        (b"II*\0", "a picture (TIFF)"),
        (b"MM\0*", "a picture (TIFF)"),
        (b"RIFF", "a picture, a sound or a film"),
        (b"%PDF-", "a PDF document"),
        (b"{\\rtf", "a text document (RTF)"),
        (b"\x1f\x8b", "a compressed file (gzip)"),
        (b"7z\xbc\xaf", "an archive (7z)"),
        (b"Rar!", "an archive (RAR)"),
        (b"\x7fELF", "a program"),
        (b"MZ\x90\0", "a program"),
    ];
    let is_film = first.get(4..8) == Some(b"ftyp");
    let mark = MARKS.iter().find(|(mark, _)| first.starts_with(mark)).map(|(_, what)| *what);
    mark.or(is_film.then_some("a picture or a film")).or_else(|| {
        let start: String = first.iter().take(200).map(|byte| char::from(byte.to_ascii_lowercase())).collect();
        let start = start.trim_start();
        (start.starts_with("<!doctype html") || start.starts_with("<html")).then_some("a web page")
    })
}

/// The format of a file that begins with these bytes, whatever its name says; `None` if it is no table.
fn format_of(first: &[u8]) -> Option<TableFormat> {
    // An archive, or the container of older workbooks, whose error says how to convert it.
    if first.starts_with(b"PK") || first.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Some(TableFormat::Xlsx);
    }
    let text = first.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(first);
    (!text.trim_ascii_start().starts_with(b"{")).then_some(TableFormat::Csv)
}

/// The name without folders, as it can be shown.
fn shown_name(file_name: &str) -> String {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|letter| kernel::is_allowed_in_line(*letter)).take(MAX_FILE_NAME).collect();
    if name.trim().is_empty() { "table".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_table_is_called_what_it_is() {
        for (bytes, what) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Some("a picture (PNG)")),
            (b"\xff\xd8\xff\xe0", Some("a picture (JPEG)")),
            (b"%PDF-1.7", Some("a PDF document")),
            (b"\0\0\0\x20ftypisom", Some("a picture or a film")),
            (b"\n<!DOCTYPE html><html>", Some("a web page")),
            (b"riskKey,title\n", None),
            (b"PK\x03\x04", None),
            (b"", None),
        ] {
            assert_eq!(other_content(bytes), what);
        }
    }

    #[test]
    fn the_content_of_a_file_says_its_format() {
        assert_eq!(format_of(b"PK\x03\x04..."), Some(TableFormat::Xlsx));
        assert_eq!(format_of(&[0xd0, 0xcf, 0x11, 0xe0, 0]), Some(TableFormat::Xlsx));
        assert_eq!(format_of(b"riskKey,title\n"), Some(TableFormat::Csv));
        assert_eq!(format_of(b"\xef\xbb\xbf {\"kind\":1}"), None);
    }

    #[test]
    fn the_name_of_a_file_has_no_folders_and_no_control_characters() {
        assert_eq!(shown_name("C:\\Users\\dana\\Risks\u{202e}.csv"), "Risks.csv");
        assert_eq!(shown_name("../../etc/passwd"), "passwd");
        assert_eq!(shown_name(" \n"), "table");
        assert_eq!(shown_name(&"x".repeat(500)).len(), MAX_FILE_NAME);
    }
}
