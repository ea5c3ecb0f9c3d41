//! The form of a claim as it arrives: its texts, and its files, which are passed on bit by bit. The token of the form comes
//! first: no byte of a file is received before it is right.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use evidence::{ContentType, EvidenceClaim, FileName, MAX_ATTACHMENTS};
use http_api::{
    pipeline::App,
    request::{ApiRequest, StreamedBody},
    response::Problem,
};

use super::claim::size;
use crate::{
    evidence_files::{ClaimUpload, FileLimits},
    pages::{
        form_texts::FormTexts,
        multipart::{Multipart, Part, PartHead, check_token, read_without_files},
    },
    registers::{FILES, new_fields, register_of},
};

/// The maximum size of all texts of the form, in bytes.
const MAX_TEXTS: usize = 256 * 1024;

/// The room for the heads of the parts beside texts and files, in bytes.
const MAX_HEADS: u64 = 1024 * 1024;

/// The media type of a file of which the browser knows none.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A form that was received to its end.
pub(super) struct ReceivedForm {
    /// The texts of its fields.
    pub(super) texts: FormTexts,
    /// Whether files were chosen.
    pub(super) has_files: bool,
    /// The reason why the files are not taken.
    pub(super) fault: Option<String>,
}

/// Receives the form, with its files in `upload`.
///
/// # Errors
/// A 403 response if no page of this session has sent it, a 413 response if it is larger than all files may be, and a 400
/// response if it is damaged.
pub(super) async fn receive(
    app: &App,
    request: &ApiRequest,
    limits: FileLimits,
    upload: &mut dyn ClaimUpload,
) -> Result<ReceivedForm, Problem> {
    let max = limits.all.saturating_add(MAX_TEXTS as u64 + MAX_HEADS);
    let Some(mut form) = Multipart::open(request, max)? else {
        let texts = FormTexts(read_without_files(request, MAX_TEXTS as u64).await?);
        return Ok(ReceivedForm { texts, has_files: false, fault: None });
    };
    let names = new_fields(&register_of::<EvidenceClaim>());
    let (mut is_own, mut texts, mut left) = (false, BTreeMap::new(), MAX_TEXTS);
    let mut files = Files { app, request, limits, upload, number: 0, fault: None };
    while let Some(PartHead { name, file_name, content_type }) = form.next_part().await? {
        match name.as_str() {
            "formToken" => {
                check_token(request, &form.text(128).await?)?;
                is_own = true;
            }
            _ if !is_own => return Err(Problem::other_site()),
            FILES => files.add(&mut form, &file_name.unwrap_or_default(), content_type.as_deref()).await?,
            "reason" => drop(texts.insert(name, text(&mut form, &mut left).await?)),
            _ if names.contains(&name) => drop(texts.insert(name, text(&mut form, &mut left).await?)),
            _ => form.skip().await?,
        }
    }
    if !is_own {
        return Err(Problem::other_site());
    }
    Ok(ReceivedForm { texts: FormTexts(texts), has_files: files.number > 0, fault: files.fault })
}

async fn text(form: &mut Multipart<StreamedBody>, left: &mut usize) -> Result<String, Problem> {
    let text = form.text(*left).await?;
    *left -= text.len();
    Ok(text)
}

/// Whether the limits of storage did not allow what was sent.
pub(super) fn is_about_storage(problem: &Problem) -> bool {
    matches!(
        problem.status,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS | StatusCode::INSUFFICIENT_STORAGE
    )
}

/// The files of the form.
struct Files<'f> {
    app: &'f App,
    request: &'f ApiRequest,
    limits: FileLimits,
    upload: &'f mut dyn ClaimUpload,
    /// The number of files that were chosen.
    number: usize,
    /// The first reason why they are not taken. Those that follow are received for nothing.
    fault: Option<String>,
}

impl Files<'_> {
    async fn add(
        &mut self,
        form: &mut Multipart<StreamedBody>,
        file_name: &str,
        content_type: Option<&str>,
    ) -> Result<(), Problem> {
        let first = form.next_bytes().await?;
        if file_name.is_empty() && first.is_none() {
            // A browser sends this if no file was chosen.
            return Ok(());
        }
        self.number += 1;
        if self.fault.is_some() {
            return form.skip().await;
        }
        // Some browsers send the folder, too.
        let file_name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        let named = FileName::parse(file_name);
        let fault = match (&named, &first) {
            _ if self.number > MAX_ATTACHMENTS => Some(format!("are more than {MAX_ATTACHMENTS}")),
            (Err(error), _) => Some(format!("include “{file_name}”, whose name {error}")),
            (_, None) => Some(format!("include “{file_name}”, which is empty")),
            _ => None,
        };
        let (Ok(named), None) = (named, &fault) else {
            self.fault = fault;
            return form.skip().await;
        };
        let content_type = content_type.and_then(|text| ContentType::parse(text).ok());
        let head = (named, content_type.unwrap_or_else(|| ContentType::trusted(UNKNOWN_TYPE)));
        let received = self.upload.receive(self.app, self.request, head, &mut Part { form, first }).await;
        match received {
            Err(problem) if is_about_storage(&problem) => {
                self.fault = Some(match problem.status {
                    StatusCode::PAYLOAD_TOO_LARGE => {
                        let max = size(i64::try_from(self.limits.file).unwrap_or(i64::MAX));
                        format!("include “{file_name}”, which is larger than {max}")
                    }
                    _ => format!("were not stored: {}", problem.message()),
                });
                form.skip().await
            }
            received => received,
        }
    }
}
