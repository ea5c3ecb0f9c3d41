//! Reading of request bodies within limits of size, pace, and the memory of all bodies together.

mod pace;
mod streamed;

use std::{mem, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::{
    memory::{MemoryBudget, MemoryHolder, MemoryPermit},
    response::Problem,
};
use pace::Pace;
pub use streamed::StreamedBody;

/// The maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The maximum size of the body of a request to an endpoint that anyone may use, in bytes.
const MAX_PUBLIC_BODY_BYTES: usize = 16 * 1024;

/// The number of bytes that are read of the body of a write that takes none: enough for an empty JSON object.
const PREFIX_BYTES: usize = 64;

/// The maximum time in which a body must arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of bytes of a rejected body that are received and discarded, so that a client that sends its whole
/// body before it reads finds the response instead of a closed connection. Over HTTP/2, where only the stream would be
/// reset, some clients drop the response that came before the reset.
const MAX_DISCARDED_BYTES: u64 = 16 * 1024 * 1024;

/// The maximum time for which a rejected body is received and discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// The rule by which an endpoint reads the bodies of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyRule {
    /// The body is not read.
    Unread,
    /// Only the beginning of the body is read, which shows whether there is one.
    Prefix,
    /// The body is read up to this size; a larger one is rejected.
    Whole(usize),
    /// The handler receives the body bit by bit.
    Streamed,
}

impl BodyRule {
    /// The rule of an endpoint, by whether it takes a body, whether it writes, and whether anyone may use it.
    pub(crate) fn new(takes_body: bool, writes: bool, is_public: bool) -> Self {
        match (takes_body, writes, is_public) {
            (true, _, false) => Self::Whole(MAX_BODY_BYTES),
            (true, _, true) => Self::Whole(MAX_PUBLIC_BODY_BYTES),
            (false, true, _) => Self::Prefix,
            (false, false, _) => Self::Unread,
        }
    }
}

/// The body of a request, of which all, a part or nothing is read.
pub(crate) struct RequestBody {
    body: Body,
    /// Whether the client may be sending what was not read of the body.
    is_sent: bool,
}

impl RequestBody {
    pub(crate) fn new(parts: &Parts, body: Body) -> Self {
        // A client that expects 100 (Continue) sends its body only once it is read.
        Self { body, is_sent: !parts.headers.contains_key(header::EXPECT) }
    }

    /// Returns the body for a handler that receives it bit by bit, with the memory that it takes for as long as it is
    /// received.
    pub(crate) async fn take_stream(
        &mut self,
        budget: &MemoryBudget,
        holder: MemoryHolder,
    ) -> Result<StreamedBody, Problem> {
        let permit = streamed::reserve_memory(budget, holder).await?;
        let rest = Self { body: Body::empty(), is_sent: false };
        Ok(StreamedBody::new(mem::replace(self, rest), permit))
    }

    /// Reads the body as the rule says. The holder's share of the budget is charged as bytes arrive, not by
    /// `Content-Length`, which costs a client nothing to send.
    pub(crate) async fn read(
        &mut self,
        rule: BodyRule,
        budget: &MemoryBudget,
        holder: MemoryHolder,
    ) -> Result<(Bytes, Option<MemoryPermit>), Problem> {
        // A body that is announced as too large is rejected, whether or not it would be read.
        let limit = if let BodyRule::Whole(max) = rule { max } else { MAX_BODY_BYTES };
        if self.body.size_hint().lower() > limit as u64 {
            return Err(Problem::payload_too_large(limit as u64));
        }
        let max = match rule {
            BodyRule::Unread | BodyRule::Streamed => return Ok((Bytes::new(), None)),
            BodyRule::Prefix => PREFIX_BYTES,
            BodyRule::Whole(max) => max,
        };
        self.is_sent = true;
        let mut permit: Option<MemoryPermit> = None;
        let mut bytes_read = BytesMut::new();
        let mut pace = Pace::start(READ_TIMEOUT);
        loop {
            let next = pace.next(&mut self.body, &mut HeaderMap::new()).await;
            // Of a body that stopped arriving, the rest is not awaited either.
            self.is_sent &= next.is_ok();
            let Some(data) = next? else { break };
            if bytes_read.len() + data.len() > max {
                if rule == BodyRule::Prefix {
                    bytes_read.extend_from_slice(data.get(..max - bytes_read.len()).unwrap_or_default());
                    break;
                }
                return Err(Problem::payload_too_large(max as u64));
            }
            let charged = match &mut permit {
                Some(permit) => permit.try_grow(data.len()),
                None => budget.of(holder).try_acquire(holder.key(), data.len()).map(|first| permit = Some(first)),
            };
            charged.map_err(|exhausted| Problem::memory_exhausted(exhausted, "request bodies"))?;
            bytes_read.extend_from_slice(&data);
        }
        Ok((bytes_read.freeze(), permit))
    }

    /// Receives and discards what was not read of the body, within bounds, in a task of its own: the response does not
    /// wait for it, and the connection is kept meanwhile.
    pub(crate) fn discard_rest(self) {
        if !self.is_sent || self.body.is_end_stream() || self.body.size_hint().lower() > MAX_DISCARDED_BYTES {
            return;
        }
        let mut body = self.body;
        let discard = async move {
            let mut left = MAX_DISCARDED_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                let Some(rest) = left.checked_sub(length) else { break };
                left = rest;
            }
        };
        // A client that is still sending after the timeout does not read its response anyway.
        tokio::spawn(timeout(DISCARD_TIMEOUT, discard));
    }
}
