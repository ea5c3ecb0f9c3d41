//! Taking in request bodies: within bounds of size and time, and of the memory that all of them take together.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::problem::{Issue, Problem};

/// The most a JSON body may have.
pub(crate) const MOST_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The memory there is for bodies, in bytes.
pub(crate) struct Intake {
    callers: Arc<Semaphore>,
    /// Apart, so that who proves nothing takes no room from those that do.
    strangers: Arc<Semaphore>,
}

/// Room that a body takes until this is dropped.
pub(crate) struct Room(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

impl Intake {
    /// With so many bytes for callers that are known, and a quarter as many beside them for strangers.
    pub(crate) fn new(bytes: usize) -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self { callers: room(bytes), strangers: room(bytes / 4) }
    }

    /// Reads all of a body. Room is taken as its bytes arrive, not as they are announced: an announcement costs nothing.
    pub(crate) async fn take(&self, body: Body, known: bool) -> Result<(Bytes, Room), Problem> {
        let room = if known { &self.callers } else { &self.strangers };
        if body.size_hint().lower() > MOST_BODY as u64 {
            return Err(Problem::payload_too_large(MOST_BODY));
        }
        timeout(PATIENCE, read(body, room))
            .await
            .unwrap_or_else(|_| Err(Problem::validation(vec![Issue::new([], "the body did not arrive in time")])))
    }
}

async fn read(body: Body, room: &Arc<Semaphore>) -> Result<(Bytes, Room), Problem> {
    let mut body = pin!(body);
    let mut taken: Option<OwnedSemaphorePermit> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::validation(vec![Issue::new([], "the body broke off")]))?;
        let Ok(part) = frame.into_data() else { continue };
        if whole.len() + part.len() > MOST_BODY {
            return Err(Problem::payload_too_large(MOST_BODY));
        }
        let bytes = u32::try_from(part.len()).unwrap_or(u32::MAX);
        let more = Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| Problem::unavailable())?;
        match &mut taken {
            Some(taken) => taken.merge(more),
            None => taken = Some(more),
        }
        whole.extend_from_slice(&part);
    }
    Ok((whole.freeze(), Room(taken)))
}
