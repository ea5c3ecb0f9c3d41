//! Reading of request bodies within limits of size, time, and the memory of all bodies together.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::response::{Issue, Problem};

/// The maximum size of a request body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The maximum time in which a body must arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The memory budget for request bodies, in bytes.
pub(crate) struct BodyBudget {
    authenticated: Arc<Semaphore>,
    /// A separate budget, so that unauthenticated callers can't exhaust that of authenticated ones.
    unauthenticated: Arc<Semaphore>,
}

/// The share of the budget that a body holds until this is dropped.
pub(crate) struct BodyPermit(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

impl BodyBudget {
    /// Creates a budget of `bytes` for authenticated callers, and a quarter as much in addition for unauthenticated
    /// ones.
    pub(crate) fn new(bytes: usize) -> Self {
        let budget = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self { authenticated: budget(bytes), unauthenticated: budget(bytes / 4) }
    }

    /// Reads a whole body. The budget is charged as bytes arrive, not by `Content-Length`, which costs a client nothing
    /// to send.
    pub(crate) async fn read_body(&self, body: Body, authenticated: bool) -> Result<(Bytes, BodyPermit), Problem> {
        let budget = if authenticated { &self.authenticated } else { &self.unauthenticated };
        if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
            return Err(Problem::payload_too_large(MAX_BODY_BYTES));
        }
        timeout(READ_TIMEOUT, read(body, budget)).await.unwrap_or_else(|_| {
            Err(Problem::validation(vec![Issue::new(
                [],
                "the body did not arrive within 30 s: send the request again",
            )]))
        })
    }
}

async fn read(body: Body, budget: &Arc<Semaphore>) -> Result<(Bytes, BodyPermit), Problem> {
    let mut body = pin!(body);
    let mut permit: Option<OwnedSemaphorePermit> = None;
    let mut bytes_read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::validation(vec![Issue::new(
                [],
                "the connection ended before the body was complete: send the request again",
            )])
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes_read.len() + data.len() > MAX_BODY_BYTES {
            return Err(Problem::payload_too_large(MAX_BODY_BYTES));
        }
        let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let more = Arc::clone(budget).try_acquire_many_owned(bytes).map_err(|_| Problem::unavailable())?;
        match &mut permit {
            Some(permit) => permit.merge(more),
            None => permit = Some(more),
        }
        bytes_read.extend_from_slice(&data);
    }
    Ok((bytes_read.freeze(), BodyPermit(permit)))
}
