//! `GET /webhooks/stream`: what happens, as it happens, for who develops a receiver.

use axum::http::HeaderName;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use serde_json::json;
use webhooks::{EventType, WebhookSecret};

use crate::{
    app::App,
    body::{Reading, word},
    call::Call,
    operation::{Document, Media},
    problem::{Issue, Problem},
    query::Query,
    reply::Reply,
    streams,
};

const SECRET: HeaderName = HeaderName::from_static("webhook-secret");

/// The events asked for; none where none are named.
fn wanted(query: &mut Query<'_>) -> std::collections::BTreeSet<EventType> {
    let event = word(EventType::ALL, EventType::name);
    let says = "Which events; all that the caller may read where none are named.";
    query.any_of("eventTypes", says, || event.schema(), |text| event.find(text))
}

pub(crate) fn get<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(call.query());
        let mut wanted = wanted(&mut query);
        query.finish()?;
        let caller = &call.known()?.caller;
        if let Some(event) = wanted.iter().find(|event| caller.need(event.scope()).is_err()) {
            return Err(Problem::forbidden(event.scope()));
        }
        if wanted.is_empty() {
            wanted.extend(EventType::ALL);
        }
        let secret = match secret_before(call)? {
            Some(secret) => secret,
            None => WebhookSecret::generate(&*app.services.entropy),
        };
        streams::events_reply(app, call, streams::take_place_for_events(app, call)?, wanted, secret)
    })
}

/// The secret of the stream that this one follows, so that a receiver need not be told another.
fn secret_before(call: &Call) -> Result<Option<WebhookSecret>, Problem> {
    let Some(value) = call.parts.headers.get(SECRET) else { return Ok(None) };
    let encoded = value.to_str().ok().and_then(|text| text.strip_prefix("whsec_"));
    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    let secret = bytes.and_then(|bytes| WebhookSecret::of_bytes(&bytes));
    let says = "must be the secret that a stream told";
    secret.map(Some).ok_or_else(|| Problem::validation(vec![Issue::new(["header", "Webhook-Secret"], says)]))
}

pub(crate) fn document() -> Document {
    Document {
        query: Query::describe(wanted),
        request: None,
        status: 200,
        response: Media {
            schema: json!({
                "type": "string",
                "description": "Server-sent events. The first, `secret`, tells what the others are signed with. Each other has the \
                                event's identifier in `id`, its type in `event`, and in `data` the `headers` and the `body` that a \
                                delivery would have; the body is a text, byte for byte what was signed.",
            }),
            example: json!(
                "event: secret\ndata: {\"secret\":\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD…\"}\n\n\
                 id: evt_01KSFQX5Y800000000000000008\nevent: finding.created\ndata: {\"headers\":{\"webhook-id\":\"evt_01KSFQX5Y800000000000000008\",\
                 \"webhook-timestamp\":\"1779718113\",\"webhook-signature\":\"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\"},\"body\":\"{…}\"}\n\n"
            ),
        },
        line: None,
        errors: &[400],
        codes: &[],
        response_headers: &[],
    }
}
