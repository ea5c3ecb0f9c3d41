//! The message that an endpoint receives: the rendered event and the headers of the Standard Webhooks specification.

use bytes::Bytes;
use kernel::{Id, OutboxEvent, Timestamp};

/// The signed message of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `webhook-id`: the event's identifier, the same in every attempt.
    pub id: Id<OutboxEvent>,
    /// `webhook-timestamp`: Unix seconds of this attempt.
    pub timestamp: i64,
    /// `webhook-signature`: one signature for each live secret, space-separated.
    pub signature: String,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Message {
    /// Returns the content that is signed: `id.timestamp.body`.
    #[must_use]
    pub fn signed_content(id: Id<OutboxEvent>, at: Timestamp, body: &[u8]) -> Vec<u8> {
        let mut content = format!("{id}.{}.", at.seconds()).into_bytes();
        content.extend_from_slice(body);
        content
    }
}
