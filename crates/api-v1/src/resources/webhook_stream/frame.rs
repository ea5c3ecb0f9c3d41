//! The server-sent event format of webhook events.

use bytes::Bytes;
use http_api::response::{AsText, write_json};
use kernel::{Id, OutboxEvent, Timestamp};
use serde::Serialize;
use serde_json::json;
use webhooks::{Message, StoredEvent, WebhookSecret};

use crate::webhook_services::WebhookServices;

/// The time after which a client should reconnect, in milliseconds.
const RETRY_MILLIS: u32 = 3000;

/// The `data` of an event: the headers and the body of a delivery.
#[derive(Serialize)]
struct Frame<'a> {
    headers: Headers,
    body: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Headers {
    webhook_id: AsText<Id<OutboxEvent>>,
    webhook_timestamp: AsText<i64>,
    webhook_signature: String,
}

/// Returns the first event of a stream, which contains the signing secret.
pub(super) fn secret(secret: &WebhookSecret) -> Bytes {
    format!("retry: {RETRY_MILLIS}\nevent: secret\ndata: {}\n\n", json!({ "secret": secret.expose_text() })).into()
}

/// Returns an empty comment, which keeps a connection alive.
pub(super) fn comment() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// Appends an event to `out`. Its `data` is one line, because the JSON contains no line breaks.
pub(super) fn write(
    out: &mut Vec<u8>,
    event: &StoredEvent,
    at: Timestamp,
    webhooks: &WebhookServices,
    secret: &WebhookSecret,
) {
    let Ok(body) = str::from_utf8(&event.body) else {
        tracing::error!(event = %event.id, "the body of an event is not UTF-8, so the event is left out of the stream");
        return;
    };
    let content = Message::signed_content(event.id, at, &event.body);
    let headers = Headers {
        webhook_id: AsText(event.id),
        webhook_timestamp: AsText(at.seconds()),
        webhook_signature: webhooks.endpoints.signer.sign_with(secret, &content),
    };
    out.extend_from_slice(format!("id: {}\nevent: {}\ndata: ", event.id, event.name).as_bytes());
    write_json(out, &Frame { headers, body });
    out.extend_from_slice(b"\n\n");
}
