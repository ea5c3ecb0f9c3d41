//! Events as they happen, as server-sent events (contract v1, webhooks).
//!
//! Events are not stored for a stream: it contains only what happens while it is open. Its first event contains the
//! secret that all others are signed with, in the same way as deliveries.

mod frame;
mod tail;

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::http::{HeaderValue, StatusCode, header};
use futures_util::FutureExt;
use scopes::{Scope, ScopeSet};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval},
};
use webhooks::{EventType, WebhookSecret};

use super::{
    Chunk, StreamAbort, StreamLimits, StreamPermit, body,
    revocation::{current_scopes, wait_until_revoked},
    send_chunk,
};
use crate::{
    app::App,
    negotiation::MediaType,
    operation::Access,
    problem::Problem,
    request::{ApiRequest, Principal},
    response::ApiResponse,
};
use tail::Tail;

/// The interval at which the store is polled for new events.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The time without an event after which a comment is sent to keep the connection alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// The open event streams of this server.
pub(crate) struct EventStreams {
    pub(super) limits: Arc<StreamLimits>,
    closed: watch::Sender<bool>,
}

impl Default for EventStreams {
    fn default() -> Self {
        Self { limits: Arc::new(StreamLimits::for_events()), closed: watch::Sender::new(false) }
    }
}

impl EventStreams {
    /// Closes all event streams, including those that are opened later.
    pub(crate) fn close_all(&self) {
        self.closed.send_replace(true);
    }

    async fn wait_until_closed(&self) {
        // This can't fail, because `self` owns the sender.
        let _ = self.closed.subscribe().wait_for(|over| *over).await;
    }
}

/// Responds with a stream of these events, as far as the caller has their read scopes.
pub(crate) fn event_stream_response(
    app: &App,
    request: &ApiRequest,
    permit: StreamPermit,
    wanted: BTreeSet<EventType>,
    secret: WebhookSecret,
) -> Result<ApiResponse, Problem> {
    let Access::Scope(scope) = request.operation.access else { return Err(Problem::internal()) };
    let (app, principal) = (app.clone(), request.principal()?.clone());
    let (request_id, route) = (request.request_id, request.operation.path);
    let (chunks, receiver) = mpsc::channel(1);
    // The stream contains all events from this moment on, even if the client receives the response head a little later.
    let tail = Tail::starting_at(principal.organization(), app.services.clock.now());
    tokio::spawn(async move {
        let writer = EventStreamWriter { app: &app, principal: &principal, scope, wanted: &wanted, chunks: &chunks };
        let running = AssertUnwindSafe(writer.run(tail, &secret)).catch_unwind();
        let ended = tokio::select! {
            ended = running => ended.unwrap_or(Err(StreamAbort::Panicked)),
            () = chunks.closed() => Err(StreamAbort::ClientDisconnected),
            abort = wait_until_revoked(&app, &principal, scope) => Err(abort),
            () = app.event_streams.wait_until_closed() => send_chunk(&chunks, Chunk { bytes: frame::comment(), is_last: true }).await,
        };
        if let Err(abort) = ended {
            abort.log(request_id, route);
        }
        drop(permit);
    });
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(MediaType::EventStream.as_str()));
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(ApiResponse {
        headers: vec![content_type, no_store],
        stream: Some(body(receiver)),
        ..ApiResponse::empty(StatusCode::OK)
    })
}

/// The writer of one event stream.
struct EventStreamWriter<'a> {
    app: &'a App,
    principal: &'a Principal,
    scope: Scope,
    wanted: &'a BTreeSet<EventType>,
    chunks: &'a mpsc::Sender<Chunk>,
}

impl EventStreamWriter<'_> {
    /// Sends the secret and then the events, until the client closes the connection.
    async fn run(&self, mut tail: Tail, secret: &WebhookSecret) -> Result<(), StreamAbort> {
        let services = &self.app.services;
        self.send(frame::secret(secret)).await?;
        let mut last_sent_at = Instant::now();
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            loop {
                let batch = tail.read(&*services.store, services.clock.now()).await.map_err(StreamAbort::Store)?;
                let mut frames = Vec::new();
                if !batch.events.is_empty() {
                    let scopes = self.current_scopes().await?;
                    for event in &batch.events {
                        if self.may_receive(&event.name, scopes) {
                            frame::write(&mut frames, event, services, secret);
                        }
                    }
                }
                if !frames.is_empty() {
                    self.send(frames.into()).await?;
                    last_sent_at = Instant::now();
                }
                if !batch.more {
                    break;
                }
            }
            if last_sent_at.elapsed() >= HEARTBEAT_INTERVAL {
                self.send(frame::comment()).await?;
                last_sent_at = Instant::now();
            }
        }
    }

    async fn send(&self, bytes: bytes::Bytes) -> Result<(), StreamAbort> {
        send_chunk(self.chunks, Chunk { bytes, is_last: false }).await
    }

    /// Returns the scopes that the account has now and that its token had when the stream was opened.
    async fn current_scopes(&self) -> Result<ScopeSet, StreamAbort> {
        let current =
            current_scopes(self.app, self.principal).await.map_err(|error| StreamAbort::AccessUnknown(Some(error)))?;
        let scopes = current.filter(|scopes| scopes.contains(self.scope)).ok_or(StreamAbort::Revoked)?;
        Ok(scopes.intersection(self.principal.caller.scopes))
    }

    fn may_receive(&self, name: &str, scopes: ScopeSet) -> bool {
        // An unknown event type was written by a server of a newer version.
        name.parse::<EventType>().is_ok_and(|event| self.wanted.contains(&event) && scopes.contains(event.scope()))
    }
}
