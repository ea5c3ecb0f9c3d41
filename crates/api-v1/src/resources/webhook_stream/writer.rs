//! The response of an event stream: events as they happen, as server-sent events (contract v1, webhooks).
//!
//! Events are not stored for a stream: it contains only what happens while it is open. Its first event contains the
//! secret that all others are signed with, in the same way as deliveries.

use std::{collections::BTreeSet, time::Duration};

use axum::http::header;
use http_api::{
    App,
    pipeline::{StreamPermit, current_scopes},
    request::{Access, ApiRequest, Principal},
    response::{ApiResponse, Problem},
    streams::{self, StreamAbort, StreamWriter},
};
use scopes::{Scope, ScopeSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use webhooks::{EventType, WebhookSecret};

use super::{frame, tail::Tail};
use crate::webhook_services::WebhookServices;

/// The interval at which the store is polled for new events.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The time without an event after which a comment is sent to keep the connection alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// Responds with a stream of these events, as far as the caller has their read scopes.
pub(super) fn event_stream_response(
    app: &App,
    request: &ApiRequest,
    permit: StreamPermit,
    wanted: BTreeSet<EventType>,
    secret: WebhookSecret,
) -> Result<ApiResponse, Problem> {
    let Access::Scope(scope) = request.route.access else { return Err(Problem::internal()) };
    let (principal, webhooks) = (request.principal()?.clone(), WebhookServices::of(request)?);
    // The stream contains all events from this moment on, even if the client receives the response head a little later.
    let tail = Tail::starting_at(principal.organization(), app.services.clock.now());
    let owned_app = app.clone();
    let produce = async move |writer: StreamWriter| {
        let stream =
            EventStream { app: &owned_app, webhooks: &webhooks, principal: &principal, scope, wanted: &wanted, writer };
        tokio::select! {
            ended = stream.run(tail, &secret) => ended,
            () = webhooks.event_streams_closed() => stream.writer.finish(frame::comment()).await,
        }
    };
    let response = streams::respond(app, request, permit, produce)?;
    Ok(response.header(header::CACHE_CONTROL, "no-store"))
}

/// An open event stream.
struct EventStream<'a> {
    app: &'a App,
    webhooks: &'a WebhookServices,
    principal: &'a Principal,
    scope: Scope,
    wanted: &'a BTreeSet<EventType>,
    writer: StreamWriter,
}

impl EventStream<'_> {
    /// Sends the secret and then the events, until the client closes the connection.
    async fn run(&self, mut tail: Tail, secret: &WebhookSecret) -> Result<(), StreamAbort> {
        let services = &self.app.services;
        self.writer.send(frame::secret(secret)).await?;
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
                    for event in batch.events {
                        if self.may_receive(&event.name, scopes) {
                            frame::write(&mut frames, &event, services.clock.now(), self.webhooks, secret);
                        }
                        // A client that does not read holds few of them, and no event twice.
                        drop(event);
                        if frames.len() >= streams::CHUNK_SIZE {
                            self.writer.send(std::mem::take(&mut frames).into()).await?;
                            last_sent_at = Instant::now();
                        }
                    }
                }
                if !frames.is_empty() {
                    self.writer.send(frames.into()).await?;
                    last_sent_at = Instant::now();
                }
                if !batch.more {
                    break;
                }
            }
            if last_sent_at.elapsed() >= HEARTBEAT_INTERVAL {
                self.writer.send(frame::comment()).await?;
                last_sent_at = Instant::now();
            }
        }
    }

    /// Returns the scopes that the account has now and that its token had when the stream was opened.
    async fn current_scopes(&self) -> Result<ScopeSet, StreamAbort> {
        let caller = self.principal.caller().map_err(|_| StreamAbort::Revoked)?;
        let current =
            current_scopes(self.app, caller).await.map_err(|error| StreamAbort::AccessUnknown(Some(error)))?;
        let scopes = current.filter(|scopes| scopes.contains(self.scope)).ok_or(StreamAbort::Revoked)?;
        Ok(scopes.intersection(caller.scopes))
    }

    fn may_receive(&self, name: &str, scopes: ScopeSet) -> bool {
        // An unknown event type was written by a server of a newer version.
        name.parse::<EventType>().is_ok_and(|event| self.wanted.contains(&event) && scopes.contains(event.scope()))
    }
}
