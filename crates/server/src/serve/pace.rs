//! Whether clients take their answers. A socket does not tell: over HTTP/2 a client can read it and still take nothing.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// What is handed out at a time, in bytes. A client that takes less than this while patience lasts is too slow.
const PIECE: usize = 16 * 1024;

/// More calls than this are not in flight over one connection, so the rest of the list are over.
const MOST_LIVE: usize = 128;

/// The calls of one connection.
pub(crate) struct Calls(Mutex<Known>);

struct Known {
    live: Vec<Weak<Pace>>,
    /// When a call was last known to be in flight, or the connection began.
    busy_at: Instant,
    called: bool,
}

/// How the answer to one call gets along. It lives until the last byte of the answer has left.
pub(crate) struct Pace(Mutex<Moved>);

struct Moved {
    at: Instant,
    /// Pieces that were handed out and have not left.
    out: usize,
    /// Whether the next move is ours: there is no answer yet, or no more of it.
    ours: bool,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Known { live: Vec::new(), busy_at: Instant::now(), called: false }))
    }

    /// Notes that a call begins.
    pub(crate) fn begin(&self) -> Arc<Pace> {
        let pace = Arc::new(Pace(Mutex::new(Moved { at: Instant::now(), out: 0, ours: true })));
        let mut known = lock(&self.0);
        known.called = true;
        known.busy_at = Instant::now();
        if known.live.len() >= MOST_LIVE {
            known.live.retain(|call| call.strong_count() > 0);
        }
        known.live.push(Arc::downgrade(&pace));
        pace
    }

    /// Whether there ever was one.
    pub(crate) fn any(&self) -> bool {
        lock(&self.0).called
    }

    /// For how long no call has been in flight, as far as was looked.
    pub(crate) fn idle_for(&self) -> Duration {
        let mut known = lock(&self.0);
        known.live.retain(|call| call.strong_count() > 0);
        if !known.live.is_empty() {
            known.busy_at = Instant::now();
        }
        known.busy_at.elapsed()
    }

    /// For how long the client has taken nothing of an answer: the longest of all.
    pub(crate) fn stalled_for(&self) -> Duration {
        let live = lock(&self.0).live.clone();
        live.iter().filter_map(Weak::upgrade).map(|pace| pace.stalled_for()).max().unwrap_or_default()
    }
}

impl Pace {
    /// The answer, watched on its way.
    pub(crate) fn watch(self: Arc<Self>, body: Body) -> Body {
        self.moved(|moved| moved.ours = false);
        Body::new(Watched { body, rest: Bytes::new(), pace: self })
    }

    fn moved(&self, how: impl FnOnce(&mut Moved)) {
        let mut moved = lock(&self.0);
        moved.at = Instant::now();
        how(&mut moved);
    }

    fn stalled_for(&self) -> Duration {
        let moved = lock(&self.0);
        if moved.ours && moved.out == 0 { Duration::ZERO } else { moved.at.elapsed() }
    }
}

/// An answer that is handed out in pieces.
struct Watched {
    body: Body,
    /// What has come and has not been handed out.
    rest: Bytes,
    pace: Arc<Pace>,
}

/// A piece, dropped when it has left.
struct Piece {
    bytes: Bytes,
    pace: Arc<Pace>,
}

impl Watched {
    fn piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        self.pace.moved(|moved| moved.out += 1);
        Frame::data(Bytes::from_owner(Piece { bytes, pace: Arc::clone(&self.pace) }))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.pace.moved(|moved| moved.out = moved.out.saturating_sub(1));
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        // Whoever asks for more has taken what there was; whether there is more is up to us.
        self.pace.moved(|moved| moved.ours = true);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.pace.moved(|moved| moved.ours = false);
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => Frame::data(bytes),
                Ok(bytes) => {
                    self.rest = bytes;
                    self.piece()
                }
                Err(trailers) => trailers,
            })),
            ended => ended,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let upper = hint.upper();
        hint.set_lower(hint.lower() + rest);
        if let Some(upper) = upper {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
