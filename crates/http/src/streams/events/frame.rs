//! Events as a stream of them has them.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use webhooks::{Message, StoredEvent, WebhookSecret};

use crate::{reply::write_json, services::Services, view::Shown};

/// How long a client waits before it opens a stream anew, in milliseconds.
const RETRY: u32 = 3000;

/// An event, as it would be delivered.
#[derive(Serialize)]
struct Frame<'a> {
    headers: Headers,
    body: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Headers {
    webhook_id: Shown<kernel::Id<kernel::OutboxEvent>>,
    webhook_timestamp: Shown<i64>,
    webhook_signature: String,
}

/// The first event of a stream.
pub(super) fn secret(secret: &WebhookSecret) -> Bytes {
    format!("retry: {RETRY}\nevent: secret\ndata: {}\n\n", json!({ "secret": secret.show() })).into()
}

/// What keeps a stream alive and says nothing.
pub(super) fn comment() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// Adds an event. JSON has no line breaks, so that it is one line.
pub(super) fn write(into: &mut Vec<u8>, event: &StoredEvent, services: &Services, secret: &WebhookSecret) {
    let Ok(body) = str::from_utf8(&event.body) else {
        tracing::error!(event = %event.id, "an event's body is no text");
        return;
    };
    let at = services.clock.now();
    let content = Message::signed_content(event.id, at, &event.body);
    let headers = Headers {
        webhook_id: Shown(event.id),
        webhook_timestamp: Shown(at.seconds()),
        webhook_signature: services.webhook_secrets.sign_with(secret, &content),
    };
    into.extend_from_slice(format!("id: {}\nevent: {}\ndata: ", event.id, event.name).as_bytes());
    write_json(into, &Frame { headers, body });
    into.extend_from_slice(b"\n\n");
}
