//! Bodies that their handlers receive bit by bit, such as files.

use std::{mem, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::HeaderMap,
};
use bytes::{Bytes, BytesMut};

use super::{Pace, RequestBody};
use crate::{
    memory::{MemoryBudget, MemoryHolder, MemoryPermit},
    response::Problem,
};

/// The maximum time in which a streamed body must arrive.
const STREAM_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The size from which bytes are passed on. Those that arrive in smaller pieces are collected, because whatever is done
/// with them costs the more the smaller they are.
const PIECE_BYTES: usize = 32 * 1024;

/// The memory that is reserved for a streamed body: a piece that is not full yet, and what the connection passes on at
/// once, which is at most 64 KiB.
const STREAM_BYTES: usize = PIECE_BYTES + 64 * 1024;

/// The maximum time for which a request waits for the memory of its body.
const RESERVATION_TIMEOUT: Duration = Duration::from_secs(5);

/// A request body that is received bit by bit, at a minimum pace, and never as a whole in memory.
///
/// The rest of a body that is dropped before its end is received and discarded within bounds, as that of any rejected
/// body.
pub struct StreamedBody {
    body: RequestBody,
    pace: Pace,
    max: u64,
    received: u64,
    trailers: HeaderMap,
    is_complete: bool,
    #[expect(dead_code, reason = "held, never read")]
    permit: MemoryPermit,
}

/// Reserves the memory of a streamed body, before the first byte of it is read.
pub(super) async fn reserve_memory(budget: &MemoryBudget, holder: MemoryHolder) -> Result<MemoryPermit, Problem> {
    let budget = budget.of(holder);
    // A budget whose shares are smaller than that receives one body at a time.
    let bytes = STREAM_BYTES.min(budget.max_share());
    let reserved = budget.acquire(holder.key(), bytes, RESERVATION_TIMEOUT).await;
    reserved.map_err(|exhausted| Problem::memory_exhausted(exhausted, "request bodies"))
}

impl StreamedBody {
    pub(super) fn new(body: RequestBody, permit: MemoryPermit) -> Self {
        Self {
            body,
            pace: Pace::start(STREAM_TIMEOUT),
            max: u64::MAX,
            received: 0,
            trailers: HeaderMap::new(),
            is_complete: false,
            permit,
        }
    }

    /// Limits the body to this many bytes.
    ///
    /// # Errors
    /// A 413 response if the request announces more.
    pub(crate) fn with_limit(mut self, max: u64) -> Result<Self, Problem> {
        if self.body.body.size_hint().lower() > max {
            return Err(Problem::payload_too_large(max));
        }
        self.max = max;
        Ok(self)
    }

    /// The number of bytes that the request announces; 0 if it does not say.
    #[must_use]
    pub fn announced(&self) -> u64 {
        self.body.body.size_hint().lower()
    }

    /// Returns the next bytes, less than 96 KiB; `None` at the end of the body.
    ///
    /// # Errors
    /// A 413 response if the body is larger than its limit; a 400 response if it arrives too slowly or ends before it is
    /// complete.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let mut piece = BytesMut::new();
        while !self.is_complete {
            let Some(data) = self.receive().await? else {
                self.is_complete = true;
                break;
            };
            if piece.is_empty() && data.len() >= PIECE_BYTES {
                return Ok(Some(data));
            }
            piece.extend_from_slice(&data);
            if piece.len() >= PIECE_BYTES {
                break;
            }
        }
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }

    /// The trailers, which follow the body.
    #[must_use]
    pub fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Problem> {
        // The first read of a body is what asks a client to send it that waits for 100 (Continue).
        self.body.is_sent = true;
        let next = self.pace.next(&mut self.body.body, &mut self.trailers).await;
        self.body.is_sent &= next.is_ok();
        let Some(data) = next? else { return Ok(None) };
        self.received += data.len() as u64;
        if self.received > self.max {
            return Err(Problem::payload_too_large(self.max));
        }
        Ok(Some(data))
    }
}

impl Drop for StreamedBody {
    fn drop(&mut self) {
        let nothing = RequestBody { body: Body::empty(), is_sent: false };
        mem::replace(&mut self.body, nothing).discard_rest();
    }
}
