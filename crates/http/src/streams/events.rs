//! Events as they happen, as server-sent events (contract v1, webhooks).
//!
//! Nothing is kept for a stream: it has what happens while it is open. Its first event tells the secret that all others are
//! signed with, as deliveries are.

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

/// How often it is looked whether something happened.
const LOOK: Duration = Duration::from_millis(250);
/// After how long without an event a comment says that the stream is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The streams of events of a server.
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
    /// Ends all of them, and those that begin later.
    pub(crate) fn hang_up(&self) {
        self.over.send_replace(true);
    }

    async fn is_over(&self) {
        // The sender is this one's own, so it is there.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

/// Answers with a stream of these events, as far as the caller may read what they are about.
pub(crate) fn reply(
    app: &App,
    call: &Call,
    place: Place,
    wanted: BTreeSet<EventType>,
    secret: WebhookSecret,
) -> Result<Reply, Problem> {
    let Access::Scope(scope) = call.operation.access else { return Err(Problem::internal()) };
    let (app, known) = (app.clone(), call.known()?.clone());
    let (request_id, route) = (call.request_id, call.operation.path);
    let (chunks, taken) = mpsc::channel(1);
    // What is stamped from here on is heard, though the client may hear that there is a stream a little later.
    let tail = Tail::beginning(known.organization(), app.services.clock.now());
    tokio::spawn(async move {
        let speaker = Speaker { app: &app, known: &known, scope, wanted: &wanted, chunks: &chunks };
        let spoken = AssertUnwindSafe(speaker.speak(tail, &secret)).catch_unwind();
        let ended = tokio::select! {
            ended = spoken => ended.unwrap_or(Err(Cut::Panicked)),
            () = chunks.closed() => Err(Cut::Abandoned),
            cut = until_lost(&app, &known, scope) => Err(cut),
            () = app.hearing.is_over() => hand_on(&chunks, Chunk { bytes: frame::comment(), is_last: true }).await,
        };
        if let Err(cut) = ended {
            cut.log(request_id, route);
        }
        drop(place);
    });
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(Format::Events.media_type()));
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Reply { headers: vec![content_type, no_store], stream: Some(body(taken)), ..Reply::empty(StatusCode::OK) })
}

struct Speaker<'a> {
    app: &'a App,
    known: &'a Known,
    scope: Scope,
    wanted: &'a BTreeSet<EventType>,
    chunks: &'a mpsc::Sender<Chunk>,
}

impl Speaker<'_> {
    /// Tells the secret, and then what happens for as long as it is listened to.
    async fn speak(&self, mut tail: Tail, secret: &WebhookSecret) -> Result<(), Cut> {
        let services = &self.app.services;
        self.say(frame::secret(secret)).await?;
        let mut spoke_at = Instant::now();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            loop {
                let heard = tail.read(&*services.store, services.clock.now()).await.map_err(Cut::Store)?;
                let mut frames = Vec::new();
                if !heard.events.is_empty() {
                    let scopes = self.scopes().await?;
                    for event in &heard.events {
                        if self.may_hear(&event.name, scopes) {
                            frame::write(&mut frames, event, services, secret);
                        }
                    }
                }
                if !frames.is_empty() {
                    self.say(frames.into()).await?;
                    spoke_at = Instant::now();
                }
                if !heard.more {
                    break;
                }
            }
            if spoke_at.elapsed() >= HEARTBEAT {
                self.say(frame::comment()).await?;
                spoke_at = Instant::now();
            }
        }
    }

    async fn say(&self, bytes: bytes::Bytes) -> Result<(), Cut> {
        hand_on(self.chunks, Chunk { bytes, is_last: false }).await
    }

    /// What the caller may read now: with what its token gave when it called.
    async fn scopes(&self) -> Result<ScopeSet, Cut> {
        let present = still_has(self.app, self.known).await.map_err(|error| Cut::Unproved(Some(error)))?;
        let scopes = present.filter(|scopes| scopes.contains(self.scope)).ok_or(Cut::Lost)?;
        Ok(scopes.intersection(self.known.caller.scopes))
    }

    fn may_hear(&self, name: &str, scopes: ScopeSet) -> bool {
        // What this server does not know of comes from a newer one.
        name.parse::<EventType>().is_ok_and(|event| self.wanted.contains(&event) && scopes.contains(event.scope()))
    }
}
