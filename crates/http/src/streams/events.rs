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
    Chunk, Cut, Place, Places, body, hand_on,
    watch::{still_has, until_lost},
};
use crate::{
    accept::Format,
    app::App,
    call::{Call, Known},
    operation::Access,
    problem::Problem,
    reply::Reply,
};
use tail::Tail;

/// The interval at which the store is polled for new events.
const LOOK: Duration = Duration::from_millis(250);
/// The time without an event after which a comment is sent to keep the connection alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The open event streams of this server.
pub(crate) struct Hearing {
    pub(super) places: Arc<Places>,
    over: watch::Sender<bool>,
}

impl Default for Hearing {
    fn default() -> Self {
        Self { places: Arc::new(Places::of_events()), over: watch::Sender::new(false) }
    }
}

impl Hearing {
    /// Closes all event streams, including those that are opened later.
    pub(crate) fn hang_up(&self) {
        self.over.send_replace(true);
    }

    async fn is_over(&self) {
        // This can't fail, because `self` owns the sender.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

/// Responds with a stream of these events, as far as the caller has their read scopes.
pub(crate) fn reply(
    app: &App,
    request: &Call,
    permit: Place,
    wanted: BTreeSet<EventType>,
    secret: WebhookSecret,
) -> Result<Reply, Problem> {
    let Access::Scope(scope) = request.operation.access else { return Err(Problem::internal()) };
    let (app, principal) = (app.clone(), request.known()?.clone());
    let (request_id, route) = (request.request_id, request.operation.path);
    let (chunks, receiver) = mpsc::channel(1);
    // The stream contains all events from this moment on, even if the client receives the response head a little later.
    let tail = Tail::beginning(principal.organization(), app.services.clock.now());
    tokio::spawn(async move {
        let writer = Speaker { app: &app, known: &principal, scope, wanted: &wanted, chunks: &chunks };
        let running = AssertUnwindSafe(writer.speak(tail, &secret)).catch_unwind();
        let ended = tokio::select! {
            ended = running => ended.unwrap_or(Err(Cut::Panicked)),
            () = chunks.closed() => Err(Cut::Abandoned),
            abort = until_lost(&app, &principal, scope) => Err(abort),
            () = app.hearing.is_over() => hand_on(&chunks, Chunk { bytes: frame::comment(), is_last: true }).await,
        };
        if let Err(abort) = ended {
            abort.log(request_id, route);
        }
        drop(permit);
    });
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(Format::Events.media_type()));
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Reply { headers: vec![content_type, no_store], stream: Some(body(receiver)), ..Reply::empty(StatusCode::OK) })
}

/// The writer of one event stream.
struct Speaker<'a> {
    app: &'a App,
    known: &'a Known,
    scope: Scope,
    wanted: &'a BTreeSet<EventType>,
    chunks: &'a mpsc::Sender<Chunk>,
}

impl Speaker<'_> {
    /// Sends the secret and then the events, until the client closes the connection.
    async fn speak(&self, mut tail: Tail, secret: &WebhookSecret) -> Result<(), Cut> {
        let services = &self.app.services;
        self.say(frame::secret(secret)).await?;
        let mut last_sent_at = Instant::now();
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            loop {
                let batch = tail.read(&*services.store, services.clock.now()).await.map_err(Cut::Store)?;
                let mut frames = Vec::new();
                if !batch.events.is_empty() {
                    let scopes = self.scopes().await?;
                    for event in &batch.events {
                        if self.may_hear(&event.name, scopes) {
                            frame::write(&mut frames, event, services, secret);
                        }
                    }
                }
                if !frames.is_empty() {
                    self.say(frames.into()).await?;
                    last_sent_at = Instant::now();
                }
                if !batch.more {
                    break;
                }
            }
            if last_sent_at.elapsed() >= HEARTBEAT {
                self.say(frame::comment()).await?;
                last_sent_at = Instant::now();
            }
        }
    }

    async fn say(&self, bytes: bytes::Bytes) -> Result<(), Cut> {
        hand_on(self.chunks, Chunk { bytes, is_last: false }).await
    }

    /// Returns the scopes that the account has now and that its token had when the stream was opened.
    async fn scopes(&self) -> Result<ScopeSet, Cut> {
        let current = still_has(self.app, self.known).await.map_err(|error| Cut::Unproved(Some(error)))?;
        let scopes = current.filter(|scopes| scopes.contains(self.scope)).ok_or(Cut::Lost)?;
        Ok(scopes.intersection(self.known.caller.scopes))
    }

    fn may_hear(&self, name: &str, scopes: ScopeSet) -> bool {
        // An unknown event type was written by a server of a newer version.
        name.parse::<EventType>().is_ok_and(|event| self.wanted.contains(&event) && scopes.contains(event.scope()))
    }
}
