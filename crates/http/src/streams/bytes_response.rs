//! Responses with bytes of a known length, such as files, of which a client may ask for a range.

use std::{ops::Range, time::Duration};

use axum::http::{StatusCode, header};
use kernel::{Action, Subject};
use tokio::time::timeout;

use super::{AbortRecord, StreamAbort, StreamWriter, open};
use crate::{
    memory::{MemoryHolder, MemoryPermit},
    pipeline::{App, AuditNote},
    request::ApiRequest,
    response::{ApiResponse, NO_TRANSFORM, Problem},
};

/// The maximum duration of such a response.
const MAX_DURATION: Duration = Duration::from_secs(60 * 60);

/// The maximum time for which a request waits for the memory of its download.
const RESERVATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The memory of a download, of which each account and each organization has a share.
pub struct DownloadMemory(#[expect(dead_code, reason = "held, never read")] MemoryPermit);

/// The statements of a response about the bytes that it has.
pub struct BytesResponse<'a> {
    /// The media type.
    pub content_type: &'a str,
    /// The length of all bytes.
    pub length: u64,
    /// The range that is sent, if it is not all of them.
    pub part: Option<Range<u64>>,
    /// The action of the audit entry of a response that is aborted, beside that of the request.
    pub abort_action: &'static str,
    /// The record that the bytes belong to.
    pub subject: Subject,
}

/// Reserves the memory that the bytes of a response take on their way from their store to the client.
///
/// # Errors
/// A 429 response if the caller's share of the memory is used up, and a 503 response if the whole memory is.
pub async fn reserve_download(app: &App, request: &ApiRequest, bytes: usize) -> Result<DownloadMemory, Problem> {
    let principal = request.principal()?;
    let holder = MemoryHolder::Principal(principal.organization(), principal.id());
    let budget = app.download_memory.of(holder);
    // A budget whose shares are smaller than that serves one download at a time.
    let reserved = budget.acquire(holder.key(), bytes.min(budget.max_share()), RESERVATION_TIMEOUT).await;
    reserved.map(DownloadMemory).map_err(|exhausted| Problem::memory_exhausted(exhausted, "downloads"))
}

/// Responds with bytes that `produce` writes in a task of its own, and which reach the client as they are. The response is
/// aborted when the client closes the connection or loses access, and if fewer bytes are written than it announces; the
/// audit log has an entry of that, with the cause and the number of bytes that were sent. A response to HEAD has no
/// `produce`.
///
/// # Errors
/// An internal error if the endpoint requires no scope and no permission.
pub fn respond_with_bytes<F>(
    app: &App,
    request: &ApiRequest,
    response: &BytesResponse<'_>,
    content: Option<(DownloadMemory, impl FnOnce(StreamWriter) -> F + Send + 'static)>,
) -> Result<ApiResponse, Problem>
where
    F: Future<Output = Result<(), StreamAbort>> + Send,
{
    let BytesResponse { content_type, length, part, .. } = response;
    let status = if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let sent = part.as_ref().map_or(*length, |part| part.end - part.start);
    let stream = match content {
        Some((memory, produce)) => {
            let produce =
                async move |writer| timeout(MAX_DURATION, produce(writer)).await.unwrap_or(Err(StreamAbort::TooLong));
            let note = AuditNote {
                action: Action::new(response.abort_action),
                subject: Some(response.subject.clone()),
                origin: request.origin(),
                status: status.as_u16(),
                changes: Vec::new(),
            };
            Some(open(app, request, memory, Some(AbortRecord { note, length: sent }), produce)?)
        }
        None => None,
    };
    let mut head = ApiResponse { stream, ..ApiResponse::empty(status) }
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, sent.to_string())
        .header(header::ACCEPT_RANGES, "bytes");
    head.headers.push((header::CACHE_CONTROL, NO_TRANSFORM));
    Ok(match part {
        Some(Range { start, end }) => {
            head.header(header::CONTENT_RANGE, format!("bytes {start}-{}/{length}", end.saturating_sub(1)))
        }
        None => head,
    })
}
