//! What an endpoint is sent: the rendered event and the headers of the Standard Webhooks specification.

use bytes::Bytes;
use kernel::{Id, OutboxEvent, Timestamp};

/// One attempt's message, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `webhook-id`: the event's identifier, the same over every attempt.
    pub id: Id<OutboxEvent>,
    /// `webhook-timestamp`: Unix seconds of this attempt.
    pub timestamp: i64,
    /// `webhook-signature`: one signature for each live secret, space-separated.
    pub signature: String,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Message {
    /// What a signature of this message is made over: `id.timestamp.body`.
    #[must_use]
    pub fn signed_content(id: Id<OutboxEvent>, at: Timestamp, body: &[u8]) -> Vec<u8> {
        let mut content = format!("{id}.{}.", at.seconds()).into_bytes();
        content.extend_from_slice(body);
        content
    }
}
